"""A page of a run that lies on disk, and its figures in files of their own: what `fieldguide report` does."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.core.errors import FieldguideError
from fieldguide.core.files import written_whole
from fieldguide.core.outputs import FIGURE, REPORT, check_output_folder, check_outputs, check_overwrites
from fieldguide.pipelines.report_data import read_report_data
from fieldguide.records.answers import Format
from fieldguide.records.columns import PictureColumns
from fieldguide.records.places import Roots
from fieldguide.report import draw_all
from fieldguide.report.data import check_report
from fieldguide.report.figures import FIGURES, FigureSpec
from fieldguide.report.page import write_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(
    details: str | os.PathLike[str],
    gallery: str | os.PathLike[str],
    queries: str | os.PathLike[str],
    path: str | os.PathLike[str] = "report.html",
    *,
    figures: str | os.PathLike[str] | None = None,
    truth: str | os.PathLike[str] | None = None,
    leaderboard: str | os.PathLike[str] | None = None,
    training: str | os.PathLike[str] | None = None,
    layout: str = "t-sne",
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = "-1",
    image_root: Roots = None,
    columns: PictureColumns | None = None,
    show: bool = True,
) -> list[Path]:
    """Write the page of a run, one file of HTML, from its details. Needs the extra `report`.

    Straight after `identify` the result's own `report` does the same.

    Parameters
    ----------
    details : what `identify --details` or `write_details` wrote
    gallery, queries : what it was written of
    path : of the page
    figures : a folder for the figures, each in a file of its own
    truth : a table of the true labels: mistakes, reliability, ROC and more are shown too
    leaderboard : recipes beside each other, a JSON object a line
    training : the folder of a training, for its curves and maps; that of the run's backbone unless given
    layout : how the map is laid out, `t-sne`, or `umap` if installed
    image_column, label_column, unknown, image_root, columns : of tables, as in that run
    show : whether to show progress

    Returns
    -------
    The paths of the figures.

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    check_report()
    page = Path(path)
    gallery_path, queries_path = Path(gallery), Path(queries)
    folder = None if figures is None else Path(figures)
    if folder:
        check_output_folder(folder, [gallery_path, queries_path], "figures")
    drawn = figure_paths(folder) if folder else []
    check_outputs(
        [(page, REPORT), *((figure, FIGURE) for figure in drawn if figure.exists())],
        [Path(details), gallery_path, queries_path, _path(truth), _path(leaderboard)],
    )
    data = read_report_data(
        *(Path(details), gallery_path, queries_path),
        form=Format(image_column, label_column, unknown=unknown, columns=columns or PictureColumns()),
        truth=_path(truth),
        leaderboard=_path(leaderboard),
        training=_path(training),
        layout=layout,
        image_root=image_root,
        show=show,
    )
    check_overwrites([page, *drawn], [*data.gallery.paths, *data.queries.paths])
    if folder is None:
        write_page(data, page, show=show)
        return []
    written: list[Path] = []
    write_page(data, page, _kept(draw_all(data), folder, written), show=show)
    return written


def figure_paths(folder: Path) -> list[Path]:
    """Where figures may be written in a folder."""
    return [_figure_path(spec, folder) for spec in FIGURES]


def _figure_path(spec: FigureSpec, folder: Path) -> Path:
    return folder / f"{spec.name}.{'png' if spec.pictures else 'svg'}"


def _kept(
    figures: Iterable[tuple[FigureSpec, "Figure"]], folder: Path, written: list[Path]
) -> Iterator[tuple[FigureSpec, "Figure"]]:
    """Write each figure that is drawn for the page to a file, and add its path to `written`.

    Those of lines are written as SVG, those of pictures as PNG.

    Raises
    ------
    FieldguideError : the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be made: {error.strerror}") from error
    for spec, figure in figures:
        yield spec, figure
        path = _figure_path(spec, folder)
        with written_whole(path) as scratch:
            figure.savefig(scratch, dpi=200)
        written.append(path)


def _path(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)

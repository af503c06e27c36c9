"""A report of a run: from what lies on disk, or straight from the run, to figures and a page."""

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.backbones import Backbone, load_backbone
from fieldguide.backbones.adapted import EPOCHS, load
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import AnswersError, FieldguideError, RecordsError
from fieldguide.core.files import written_whole
from fieldguide.embedding import EmbeddingTable, is_embeddings
from fieldguide.embedding.embedder import Embedder, Pictures, pictures_of
from fieldguide.engines import installed
from fieldguide.evaluation import match_truth
from fieldguide.records import ImageTable, read_both, read_gallery, read_queries
from fieldguide.records.answers import Format
from fieldguide.records.places import Roots
from fieldguide.records.tables import PARQUET, read_columns
from fieldguide.records.text import normal_form
from fieldguide.report import ReportData, draw_all
from fieldguide.report.details import RunFacts, read_details
from fieldguide.report.figures import FIGURES, Entry
from fieldguide.report.trained import read_training, trained_folder

log = logging.getLogger("fieldguide")


def read_report_data(
    details: Path,
    gallery: Path,
    queries: Path,
    *,
    form: Format | None = None,
    truth: Path | None = None,
    board: Path | None = None,
    training: Path | None = None,
    layout: str = "t-sne",
    engine: str | None = None,
    show: bool = True,
    image_root: Roots = None,
) -> ReportData:
    """Gather all that a report draws on. Pictures whose embeddings are not stored are embedded by the run's backbone.

    Pictures that are no longer there have no place on the map, and a word instead of a picture; a warning names them.

    Parameters
    ----------
    details : what `identify --details` wrote
    gallery, queries : what it was written of
    form : columns and unknown label, as in that run
    truth : a table of true labels
    board : a leaderboard, a JSON object a line
    training : the folder of a trained backbone; that of the run itself unless given
    layout : how the map is laid out, as in `lay_out`
    engine : what runs the backbone; the run's own, in its precision, unless given
    image_root : folders that relative paths in tables may be relative to, instead of to the table
    show : whether to show progress

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    form = form or Format()
    if is_embeddings(gallery) or is_embeddings(queries):
        return report_data_of_embeddings(
            details, gallery, queries, form=form, truth=truth, board=board, layout=layout, engine=engine, show=show
        )
    columns = {"image_column": form.image_column, "label_column": form.label_column, "unknown": form.unknown}
    known, query_images = read_both(gallery, queries, **columns, image_root=image_root)
    if details.is_file() and details.suffix.lower() not in PARQUET:
        raise AnswersError(
            f"{details}: a report is made of details, not of answers: name the Parquet file of identify --details"
        )
    known, query_images = (
        with_gone(known, gallery, details, "nearest"),
        with_gone(query_images, queries, details, "image"),
    )
    classes = sorted(known.shots())
    ranking, facts = read_details(details, classes, known.images, query_images.images, form.unknown)
    if not facts.names_backbone:
        raise RecordsError(f"{details} was made of {facts.backbone}: name these files, not pictures")
    labels = None if truth is None else read_truth(truth, ranking.names, form)
    if labels and not {*classes, form.unknown}.intersection(labels.values()):
        log.warning("no true label of %s is a class of %s: every query counts as none of these", truth, gallery)
    training = training or trained_folder(facts.backbone)
    rows, history = read_json_lines(board), read_training(training)
    for pictures, source in (known, gallery), (query_images, queries):
        refuse_if_all_are_gone(pictures, source)

    def embedded(backbone: str | Backbone) -> tuple[Floats, EmbeddingTable]:
        # As `identify` embeds, so that what it kept is found: the gallery first, as int8 is calibrated by it
        embedder = Embedder(backbone, engine or engine_of(facts), facts.precision or "float32", show=show)
        gallery_embeddings, others = embedder.embed(known, "gallery"), embedder.embed(query_images, "queries")
        for pictures, embeddings, source in (known, gallery_embeddings, gallery), (query_images, others, queries):
            refuse_if_none_was_read(pictures, embeddings, source)
        matrix = np.full((len(known), gallery_embeddings.matrix.shape[1]), np.nan, np.float32)
        matrix[gallery_embeddings.rows] = gallery_embeddings.matrix
        return matrix, others

    gallery_embeddings, embeddings = embedded(facts.backbone)
    warn_of_missing(known, np.flatnonzero(np.isnan(gallery_embeddings).any(axis=1)).tolist(), gallery)
    warn_of_missing(query_images, sorted(embeddings.unreadable), queries)
    return ReportData(
        *(ranking, facts, known, query_images, gallery_embeddings, embeddings),
        truth=labels,
        board=rows,
        training=history,
        layout=layout,
        stages=read_stages(training, embedded),
    )


def engine_of(facts: RunFacts) -> str:
    """Give the engine of a run; another that has the same numbers, nearly, where its own is not installed here."""
    same = facts.engine is not None and (facts.precision != "float32" or installed(facts.engine))
    return facts.engine if facts.engine and same else "auto"


def report_data_of_embeddings(
    details: Path,
    gallery: Path,
    queries: Path,
    *,
    form: Format,
    truth: Path | None = None,
    board: Path | None = None,
    layout: str = "t-sne",
    engine: str | None = None,
    show: bool = True,
) -> ReportData:
    """Gather what a report draws on where gallery or queries or both are files of embeddings: these are not made anew.

    Parameters
    ----------
    all : as in `read_report_data`

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    columns = {"image_column": form.image_column}
    known: Pictures = (
        EmbeddingTable.read(gallery)
        if is_embeddings(gallery)
        else read_gallery(gallery, **columns, label_column=form.label_column, unknown=form.unknown)
    )
    query_images: Pictures = (
        EmbeddingTable.read(queries) if is_embeddings(queries) else read_queries(queries, **columns)
    )
    pictures, query_pictures = pictures_of(known), pictures_of(query_images)
    if pictures.labels is None:
        raise RecordsError(f"{gallery} has no labels, which a gallery needs: fieldguide embed --gallery keeps them")
    ranking, facts = read_details(
        details, sorted(pictures.shots()), pictures.images, query_pictures.images, form.unknown
    )
    labels = None if truth is None else read_truth(truth, ranking.names, form)
    if not facts.names_backbone and not (is_embeddings(gallery) and is_embeddings(queries)):
        raise RecordsError(f"{details} was made of {facts.backbone}: name these files, not pictures")
    embedder = Embedder(facts.backbone, engine or engine_of(facts), facts.precision or "float32", show=show)
    embedder.check_same(known, query_images)
    gallery_embeddings, others = embedder.embed(known, "gallery"), embedder.embed(query_images, "queries")
    if gallery_embeddings.unreadable:
        place = np.full(len(pictures) + 1, -1)
        place[gallery_embeddings.rows] = np.arange(len(gallery_embeddings.rows))
        ranking.nearest[:] = place[ranking.nearest]  # the last of `place` is for -1
    return ReportData(
        *(ranking, facts, pictures.take(gallery_embeddings.rows), query_pictures, gallery_embeddings.matrix, others),
        truth=labels,
        board=read_json_lines(board),
        layout=layout,
    )


def read_stages(
    folder: Path | None, embedded: Callable[[Backbone], tuple[Floats, EmbeddingTable]]
) -> dict[int, tuple[Floats, EmbeddingTable]]:
    """Give by epoch what a training run made of gallery and queries; nothing of no folder or one without such heads.

    Parameters
    ----------
    folder : of a trained backbone
    embedded : gives gallery and queries as a backbone sees them
    """
    if folder is None or not (folder / EPOCHS).is_dir():
        return {}
    import torch

    trained = load(str(folder), load_backbone)
    gallery_embeddings, query_embeddings = embedded(trained.base)
    stages = {}
    with torch.inference_mode():
        for epoch, head in trained.heads_by_epoch().items():
            known, other = (
                head(torch.from_numpy(rows)).numpy() for rows in (gallery_embeddings, query_embeddings.matrix)
            )
            stages[epoch] = known, replace(query_embeddings, matrix=other)
    return stages


def with_gone(pictures: ImageTable, source: Path, details: Path, column: str) -> ImageTable:
    """Add to a folder's pictures those that details name and that are gone from it, as a table would still name them.

    Where most of them are not in it, these are details of other pictures, and nothing is added.

    Parameters
    ----------
    column : of the details, which names such pictures
    """
    if not source.is_dir():
        return pictures
    read_columns(details, ["image", "label"])  # complains as for any other table
    import pyarrow.parquet as pq

    if column not in pq.read_schema(details).names:
        return pictures
    named = {name for name in pq.read_table(details, columns=[column]).column(0).to_pylist() if name}
    there = {
        name.encode(errors="surrogateescape").decode(errors="replace") for name in pictures.images
    }  # as in Parquet
    gone = sorted(map(str, named - there))
    if not gone or 2 * len(gone) > len(named):
        return pictures
    labels = None if pictures.labels is None else [*pictures.labels, *(name.split("/")[0] for name in gone)]
    return ImageTable([*pictures.images, *gone], [*pictures.paths, *(source / name for name in gone)], labels)


def refuse_if_all_are_gone(pictures: ImageTable, source: Path) -> None:
    """Refuse pictures none of which is where it was, before anything is embedded.

    Raises
    ------
    RecordsError : it names the first path that was looked for.
    """
    # os.path, as it says of a folder that must not be looked into that the picture is not there
    if not any(os.path.exists(path) for path in pictures.paths):  # noqa: PTH110
        raise RecordsError(
            f"none of the {len(pictures):,} pictures of {source} is there: {_absolute(pictures.paths[0])} was looked "
            "for first; mount the drive that they are on, or name the folder or table of where they are now"
        )


def refuse_if_none_was_read(pictures: ImageTable, embeddings: EmbeddingTable, source: Path) -> None:
    """Refuse pictures none of which can be read.

    Raises
    ------
    RecordsError : it names the first and the reason.
    """
    if not embeddings.rows:
        raise RecordsError(
            f"none of the {len(pictures):,} pictures of {source} can be read: {_absolute(pictures.paths[0])} "
            f"({embeddings.unreadable[0]})"
        )


def warn_of_missing(pictures: ImageTable, missing: Sequence[int], source: Path) -> None:
    """Say which pictures the report is without; nothing if there are none."""
    if missing:
        log.warning(
            "%s of the %s pictures of %s cannot be read or are not there, %s the first: the report goes on without",
            f"{len(missing):,}",
            f"{len(pictures):,}",
            source,
            _absolute(pictures.paths[missing[0]]),
        )


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  a link in it may be what is wrong: it is not resolved


def read_truth(path: Path, names: Sequence[str], form: Format) -> dict[str, str]:
    """Read the true label of each query by the name it has in the run.

    Raises
    ------
    RecordsError : the file or a column is missing.
    AnswersError : it is not of these queries.
    """
    images, labels = read_columns(path, [form.image_column, form.label_column])
    if len(set(images)) != len(images):
        raise AnswersError(f"{path}: a picture is listed twice")
    truth = dict(zip(images, map(normal_form, labels), strict=True))  # as those of the gallery are
    try:
        matched = {names[place]: label for place, label in match_truth(names, truth)}
    except AnswersError as error:
        raise AnswersError(f"{path}: {error}: is it of these queries?") from error
    if not matched:
        raise AnswersError(f"{path}: none of its pictures is among the queries")
    return matched


def read_json_lines(path: Path | None) -> list[dict[str, Any]]:
    """Read a JSON object a line; nothing of no file.

    Raises
    ------
    RecordsError : there is no such file, or a line is no JSON object.
    """
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordsError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line or "{}")
        except ValueError as error:
            raise RecordsError(f"{path}, line {number}: not JSON: {error}") from error
        if not isinstance(record, dict):
            raise RecordsError(f"{path}, line {number}: not a JSON object")
        records += [record] if record else []
    return records


def figure_paths(folder: Path) -> list[Path]:
    """Where `write_figures` may write."""
    return [_figure_path(entry, folder) for entry in FIGURES]


def _figure_path(entry: Entry, folder: Path) -> Path:
    return folder / f"{entry.name}.{'png' if entry.pictures else 'svg'}"


def write_figures(data: ReportData, folder: Path) -> list[Path]:
    """Write every figure that the run has something for, those of lines as SVG, those of pictures as PNG.

    Raises
    ------
    FieldguideError : the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FieldguideError(f"{folder} cannot be made: {error.strerror}") from error
    paths = []
    for entry, figure in draw_all(data):
        path = _figure_path(entry, folder)
        with written_whole(path) as scratch:
            figure.savefig(scratch, dpi=200)
        paths.append(path)
    return paths

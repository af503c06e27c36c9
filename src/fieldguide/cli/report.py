"""fieldguide report."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import ImageColumn, ImageRoot, LabelColumn, Unknown


def report(
    details: Annotated[Path, typer.Argument(help="What `identify --details` wrote.")],
    gallery: Annotated[Path, typer.Argument(help="The gallery it was written of.")],
    queries: Annotated[Path, typer.Argument(help="The queries it was written of.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the page goes.")] = Path("report.html"),
    figures: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="A folder for the figures, each in a file of its own."),
    ] = None,
    truth: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The true labels, a table: mistakes, reliability, ROC and more are shown too."),
    ] = None,
    leaderboard: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Recipes beside each other: a JSON object a line."),
    ] = None,
    training: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="The folder of a training, for its curves and maps; that of the run's backbone unless given."
        ),
    ] = None,
    layout: Annotated[
        str, typer.Option("--map", help="How the map is laid out: t-sne, or umap if installed.")
    ] = "t-sne",
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    unknown: Unknown = "-1",
    image_root: ImageRoot = None,
) -> None:
    """Write a page that shows what a run came to: one file, which opens anywhere and loads nothing.

    It begins with how many were identified and how sure that is; then a map of all pictures to look around in, every
    query with its answers, and figures: the task, contamination against threshold, distractor rules side by side,
    and with the truth how good the answers are.

    For example:

        fieldguide identify gallery/ queries/ --details details.parquet

        fieldguide report details.parquet gallery/ queries/ -o report.html --figures figures/
    """
    from fieldguide.cli.said import SAID
    from fieldguide.core.files import where_to_report
    from fieldguide.core.outputs import FIGURE, REPORT, check_output_folder, check_outputs, check_overwrites
    from fieldguide.pipelines.report import figure_paths, read_report_data, write_figures
    from fieldguide.records.answers import Format
    from fieldguide.report.page import write_page
    from fieldguide.report.run import check_report

    SAID.file = where_to_report([output])
    check_report()
    if figures:
        check_output_folder(figures, [gallery, queries], "figures")
    drawn = figure_paths(figures) if figures else []
    check_outputs(
        [(output, REPORT), *((path, FIGURE) for path in drawn if path.exists())],
        [details, gallery, queries, truth, leaderboard],
    )
    form = Format(image_column, label_column, unknown=unknown)
    run = read_report_data(
        *(details, gallery, queries),
        form=form,
        truth=truth,
        board=leaderboard,
        training=training,
        layout=layout,
        image_root=image_root,
    )
    check_overwrites([output, *drawn], [*run.gallery.paths, *run.queries.paths])
    for path in write_figures(run, figures) if figures else ():
        print(f"figure: {path}", file=SAID.file)
    write_page(run, output)
    print(f"report: {output}", file=SAID.file)

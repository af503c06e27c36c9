"""fieldguide report."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import (
    BoxColumns,
    ImageColumn,
    ImageRoot,
    LabelColumn,
    Margin,
    MaskColumn,
    Unknown,
)


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
    box_columns: BoxColumns = None,
    mask_column: MaskColumn = "mask",
    margin: Margin = None,
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
    from fieldguide.pipelines.report import write_report
    from fieldguide.records.columns import PictureColumns

    SAID.file = where_to_report([output])
    drawn = write_report(
        *(details, gallery, queries, output),
        figures=figures,
        truth=truth,
        leaderboard=leaderboard,
        training=training,
        layout=layout,
        image_column=image_column,
        label_column=label_column,
        unknown=unknown,
        image_root=image_root,
        columns=PictureColumns.named(box_columns, mask_column, margin),
    )
    for path in drawn:
        print(f"figure: {path}", file=SAID.file)
    print(f"report: {output}", file=SAID.file)

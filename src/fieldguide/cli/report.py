"""fieldguide report."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import ImageColumn, LabelColumn, Unknown


def report(
    details: Annotated[Path, typer.Argument(help="What `identify --details` wrote.")],
    gallery: Annotated[Path, typer.Argument(help="The gallery it was written of.")],
    queries: Annotated[Path, typer.Argument(help="The queries it was written of.")],
    figures: Annotated[Path, typer.Option(help="A folder for the figures.")] = Path("figures"),
    truth: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="The true labels, a table: mistakes, reliability, ROC and more are shown too."),
    ] = None,
    leaderboard: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Recipes beside each other: a JSON object a line."),
    ] = None,
    training: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="The folder of a training run, for its curves."),
    ] = None,
    layout: Annotated[
        str, typer.Option("--map", help="How the map is laid out: t-sne, or umap if installed.")
    ] = "t-sne",
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    unknown: Unknown = "-1",
) -> None:
    """Draw what a run came to: the task, the answers, the map, and with the truth how good they are.

    For example:

        fieldguide identify gallery/ queries/ --details details.parquet

        fieldguide report details.parquet gallery/ queries/ --figures figures/
    """
    from fieldguide.answers import Format
    from fieldguide.reporting import read_run, write_figures

    form = Format(image_column, label_column, unknown=unknown)
    run = read_run(
        details, gallery, queries, form=form, truth=truth, board=leaderboard, training=training, layout=layout
    )
    for path in write_figures(run, figures):
        print(f"figure: {path}")

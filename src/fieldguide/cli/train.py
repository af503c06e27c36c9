"""fieldguide train."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import (
    BoxColumns,
    Engine,
    ImageColumn,
    ImageRoot,
    LabelColumn,
    Margin,
    MaskColumn,
    Strict,
    Unknown,
)

HOW = "How it is trained; unless given, as the training's name says"


def train(
    training: Annotated[
        str,
        typer.Argument(
            help="metric (from labels), simclr (from pictures alone) or hybrid (both); or as the report had them, "
            "to see them lose: metric-report, metric-report-512, simclr-report."
        ),
    ],
    gallery: Annotated[Path, typer.Argument(help="Labelled pictures: a folder with a subfolder a class, or a table.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder to make, for --backbone.")],
    queries: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="Pictures to learn from without labels: a folder or a table. No label in it is read."),
    ] = None,
    backbone: Annotated[str, typer.Option(help="What to start from.")] = "efficientnet-lite0",
    engine: Engine = "auto",
    tune: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="What is trained: head (seconds to minutes on a CPU); full, last:N blocks or lora, for a GPU.",
            rich_help_panel=HOW,
        ),
    ] = None,
    epochs: Annotated[Optional[int], typer.Option(help="At most.", rich_help_panel=HOW)] = None,  # noqa: UP045
    loss: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="supcon, triplet, proxy-anchor, multi-similarity or arcface.", rich_help_panel=HOW),
    ] = None,
    start: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="The head's first weights: whitening, identity or random.", rich_help_panel=HOW),
    ] = None,
    batch: Annotated[Optional[int], typer.Option(help="Pictures a batch.", rich_help_panel=HOW)] = None,  # noqa: UP045
    lr: Annotated[Optional[float], typer.Option(help="Learning rate.", rich_help_panel=HOW)] = None,  # noqa: UP045
    views: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(help="Augmented views a picture that a head learns from.", rich_help_panel=HOW),
    ] = None,
    precision: Annotated[Optional[str], typer.Option(help="no, bf16 or fp16.", rich_help_panel=HOW)] = None,  # noqa: UP045
    log: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="tensorboard or trackio: write curves for it into the folder.", rich_help_panel=HOW),
    ] = None,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    unknown: Unknown = "-1",
    image_root: ImageRoot = None,
    box_columns: BoxColumns = None,
    mask_column: MaskColumn = "mask",
    margin: Margin = None,
    strict: Strict = False,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
) -> None:
    """Train a backbone on the gallery, if that helps: classes held out from it decide.

    Leaves a folder that `--backbone` takes. A training that was broken off goes on when the command is given again.

        fieldguide train metric gallery/ --queries queries/ -o trained
        fieldguide identify gallery/ queries/ --backbone trained

    On several GPUs: `accelerate launch -m fieldguide train ...`.
    """
    from fieldguide.pipelines.train import train as train_backbone
    from fieldguide.records.columns import PictureColumns

    trained = train_backbone(
        *(training, gallery, output, queries),
        backbone=backbone,
        engine=engine,
        tune=tune,
        epochs=epochs,
        loss=loss,
        start=start,
        batch=batch,
        lr=lr,
        views=views,
        precision=precision,
        log=log,
        image_column=image_column,
        label_column=label_column,
        unknown=unknown,
        image_root=image_root,
        columns=PictureColumns.named(box_columns, mask_column, margin),
        strict=strict,
        seed=seed,
    )
    print(trained.summary)
    print(f"backbone: {output}")

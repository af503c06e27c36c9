"""fieldguide compare."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import (
    Backbone,
    BoxColumns,
    Engine,
    ImageColumn,
    ImageRoot,
    LabelColumn,
    Labels,
    Margin,
    MaskColumn,
    Strict,
    Unknown,
)


def compare(
    gallery: Annotated[Path, typer.Argument(help="Labelled pictures, as `identify` takes them.")],
    queries: Annotated[Path, typer.Argument(help="Pictures to identify.")],
    truth: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="The true label of each query; only the scoring sees it. Without it, tasks are simulated."),
    ] = None,
    recipes: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Recipes, with commas between, or all; cosine+hdbscan for another distractor rule, cosine+all for "
            "each. Unless given, those that neither train nor look at several views of a picture."
        ),
    ] = None,
    board: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A file of JSON lines: what is on it is not run again, what is new is added."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Run what is on the board again.")] = False,
    backbone: Backbone = "efficientnet-lite0",
    engine: Engine = "auto",
    k: Labels = 5,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    unknown: Unknown = "-1",
    image_root: ImageRoot = None,
    box_columns: BoxColumns = None,
    mask_column: MaskColumn = "mask",
    margin: Margin = None,
    strict: Strict = False,
    seed: Annotated[int, typer.Option(help="Of everything random, the public and private part too.", min=0)] = 0,
) -> None:
    """Run recipes on the same embeddings and print a leaderboard.

    `public` and `private` are the scores of a random 30% of the queries and of the rest, `closed-set` that of the known
    queries, whatever is rejected; `names right`, `known named rightly` and `distractors named` are shares as `evaluate`
    has them. Without `--truth` the board ranks by tasks simulated from the gallery: classes held out, shots hidden
    among the queries.

        fieldguide compare train.csv test.csv --truth truth.csv --board board.jsonl
    """
    from fieldguide.evaluation.leaderboard import table
    from fieldguide.pipelines import compare as comparison
    from fieldguide.records.columns import PictureColumns

    results = comparison.compare(
        gallery,
        queries,
        truth,
        recipes=None if recipes is None else [word.strip() for word in recipes.split(",")],
        board=board,
        again=again,
        backbone=backbone,
        k=k,
        image_column=image_column,
        label_column=label_column,
        unknown=unknown,
        seed=seed,
        engine=engine,
        image_root=image_root,
        columns=PictureColumns.named(box_columns, mask_column, margin),
        strict=strict,
    )
    if truth is None:
        print(
            f"without --truth: scores of {comparison.SIMULATED} tasks simulated from the gallery, not of the queries\n"
        )
    print("\n".join(table(results)))
    if board:
        print(f"\nboard: {board}")

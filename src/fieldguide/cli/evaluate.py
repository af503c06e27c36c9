"""fieldguide evaluate."""

from math import isnan
from pathlib import Path
from typing import Annotated

import typer

from fieldguide.cli.options import ImageColumn, LabelColumn, Labels, Separator, Unknown


def evaluate(
    answers: Annotated[
        Path,
        typer.Argument(help="The answers, a CSV; or the Parquet that --details wrote, for AUROC and FPR as well."),
    ],
    truth: Annotated[Path, typer.Argument(help="The true label of each picture; the unknown label for distractors.")],
    k: Labels = 5,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    separator: Separator = " ",
    unknown: Unknown = "-1",
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Score answers against the truth: mAP@k, top-1 and more, each with a 95% interval."""
    from fieldguide.answers import Format
    from fieldguide.evaluation.files import evaluate_files

    scores = evaluate_files(answers, truth, Format(image_column, label_column, separator, unknown), k=k, seed=seed)
    if json:
        import json as json_library

        rows = {score.name: [score.value, score.low, score.high] for score in scores}
        nulls = {name: [None if isnan(figure) else figure for figure in row] for name, row in rows.items()}
        print(json_library.dumps(nulls, allow_nan=False))
    else:
        missing = (
            "known query" if any(isnan(one.value) and one.name.endswith("known") for one in scores) else "distractor"
        )
        for score in scores:
            figures = f"{score.value:.4f}   [{score.low:.4f}, {score.high:.4f}]"
            print(f"{score.name:<20} " + (f"–        the truth has no {missing}" if isnan(score.value) else figures))

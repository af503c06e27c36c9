"""fieldguide evaluate."""

import sys
from math import isnan
from pathlib import Path
from typing import Annotated, Optional

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
    separator: Separator = None,
    unknown: Unknown = "-1",
    gallery: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(
            help="The gallery that the answers were made by, as `identify` takes it: true labels that it does not have "
            "are distractors'. Details know it."
        ),
    ] = None,
    class_column: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Column of the truth with the true classes of distractors, for scores of new classes. Unless given "
            "they are the labels that the gallery does not have."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the bootstrap.", min=0)] = 0,
    json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print JSON, for programs: value, low and high of each score, and the counts of names."
        ),
    ] = False,
) -> None:
    """Score answers against the truth: mAP@k, top-1 and more, each with a 95% interval.

    A query is named if its first answer is a class: `names right` says how many of the names are right, `known named
    rightly` how many of the known queries got theirs, `distractors named` how many distractors got one, which is always
    wrong.

    Where the answers have groups and the truth the classes of distractors, new classes are scored too: `ARI` over all
    queries and over distractors, pairs, clustering accuracy, BAKS and BAUS, and `clicks a query`: what it takes to make
    all labels right.

    What was compared is said on standard error, and so is what looks as if the files did not belong together. Pictures
    that are not answered count as wrong.
    """
    from fieldguide.evaluation.files import evaluate_files
    from fieldguide.records.answers import Format

    form = Format(image_column, label_column, separator, unknown)
    evaluation = evaluate_files(answers, truth, form, gallery=gallery, class_column=class_column, k=k, seed=seed)
    print(evaluation.compared, file=sys.stderr)
    scores = evaluation.scores
    if json:
        import json as json_library

        rows = {score.name: [score.value, score.low, score.high] for score in scores}
        nulls = {name: [None if isnan(figure) else figure for figure in row] for name, row in rows.items()}
        counts = {score.name: score.count[:2] for score in scores if score.count}
        print(json_library.dumps({**nulls, "counts": counts}, allow_nan=False))
    else:
        known = any(isnan(one.value) and one.name.endswith("known") for one in scores)
        missing = f"the truth has no {'known query' if known else 'distractor'}"
        for score in scores:
            why = "no query was named" if score.name == "names right" else missing
            print(f"{score.name:<20} –        {why}" if isnan(score.value) else score)

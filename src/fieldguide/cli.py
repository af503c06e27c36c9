"""Words on the command line, each command one call. Heavy libraries are imported when a command runs."""

import io
import logging
import sys
from math import isnan
from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.errors import FieldguideError

app = typer.Typer(
    name="fieldguide",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="A few labelled pictures a class go in; for every other picture its likeliest classes come out, "
    "best first, or *none of these*.",
)

FORMAT = "The format of the files"
DISTRACTORS = "Queries of no known class"

ImageColumn = Annotated[str, typer.Option(help="Column of the pictures, in all files.", rich_help_panel=FORMAT)]
LabelColumn = Annotated[str, typer.Option(help="Column of the labels, in all files.", rich_help_panel=FORMAT)]
Separator = Annotated[str, typer.Option(help="What stands between labels.", rich_help_panel=FORMAT)]
Unknown = Annotated[str, typer.Option(help="The label for 'none of these'.", rich_help_panel=FORMAT)]
Labels = Annotated[int, typer.Option("-k", help="Labels a query, at most.", rich_help_panel=FORMAT, min=1)]


@app.command()
def identify(
    gallery: Annotated[
        Path,
        typer.Argument(help="Labelled pictures: a folder with a subfolder a class, a .csv or a .parquet."),
    ],
    queries: Annotated[
        Path, typer.Argument(help="Pictures to identify: a folder, a .csv, a .parquet, or a single picture.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the answers go, a CSV.")] = Path("answers.csv"),
    details: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="A Parquet file with similarity, probability and nearest gallery picture of each answer."),
    ] = None,
    recipe: Annotated[str, typer.Option(help="How labels are found: transductive or cosine.")] = "transductive",
    backbone: Annotated[
        str, typer.Option(help="What turns pictures into embeddings: efficientnet-lite0, -lite1 or -lite2.")
    ] = "efficientnet-lite0",
    engine: Annotated[str, typer.Option(help="What runs the backbone: auto, openvino or torch.")] = "auto",
    distractors: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Rule: probability, none, threshold, dbscan (in the plane of t-SNE) or dbscan-embedding. "
            "Unless given, the recipe's own: probability for transductive, dbscan for cosine.",
            rich_help_panel=DISTRACTORS,
        ),
    ] = None,
    contamination: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Share of distractors, 0 to 1, if you know it.", rich_help_panel=DISTRACTORS),
    ] = None,
    threshold: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(help="Similarity below which a query is a distractor.", rich_help_panel=DISTRACTORS),
    ] = None,
    k: Labels = 5,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    separator: Separator = " ",
    unknown: Unknown = "-1",
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Identify every query by the labelled pictures of the gallery.

    Writes one row a query: the picture, and up to five labels, best first, the unknown label among them.
    Pictures that cannot be read are listed in `answers.unreadable.csv`, and nothing stops for them.

    For example, a folder a class in, and a folder of anything:

        fieldguide identify gallery/ queries/ -o answers.csv

    The files of Kaggle's humpback whales:

        fieldguide identify train.csv test.csv --image-column Image --label-column Id --unknown new_whale
    """
    from fieldguide.answers import Format
    from fieldguide.identification import Settings, identify_files

    settings = Settings(recipe, backbone, distractors, contamination, threshold, k, seed, engine)
    form = Format(image_column, label_column, separator, unknown)
    result = identify_files(gallery, queries, output, settings, form=form, details=details)
    unknowns = int(result.ranking.is_unknown().sum())
    print(f"distractors: {result.account}")
    print(f"{len(result.ranking):,} queries: {len(result.ranking) - unknowns:,} identified, {unknowns:,} unknown")
    print(f"answers: {output}" + (f"\ndetails: {details}" if details else ""))


@app.command()
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

        figures = {score.name: [score.value, score.low, score.high] for score in scores}
        nulls = {name: [None if isnan(figure) else figure for figure in row] for name, row in figures.items()}
        print(json_library.dumps(nulls, allow_nan=False))
    else:
        for score in scores:
            print(f"{score.name:<20} {score.value:.4f}   [{score.low:.4f}, {score.high:.4f}]")


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo's pictures and answers go.")] = Path("demo"),
) -> None:
    """Make a small task out of photographs that come with scikit-image, identify it, and score the answers."""
    from fieldguide.demo import run_demo

    run_demo(folder)


@app.callback(invoke_without_command=True)
def common(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Set up what all commands share."""
    logging.basicConfig(format="fieldguide: %(message)s", level=logging.WARNING, stream=sys.stderr)
    if version:
        from fieldguide import __version__

        print(f"fieldguide {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; what a user can mend ends in one line and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be any bytes
    try:
        app()
    except FieldguideError as error:
        print("fieldguide: " + str(error).replace("\n", "\\n"), file=sys.stderr)
        sys.exit(2)

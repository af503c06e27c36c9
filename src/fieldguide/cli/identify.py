"""fieldguide identify."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import (
    DISTRACTORS,
    FORMAT,
    Backbone,
    BoxColumns,
    Cache,
    EncounterColumn,
    Engine,
    ImageColumn,
    ImageRoot,
    LabelColumn,
    Labels,
    Margin,
    MaskColumn,
    Matching,
    NewClasses,
    Precision,
    Separator,
    Strict,
    Unknown,
)


def identify(
    gallery: Annotated[
        Path,
        typer.Argument(
            help="Labelled pictures: a folder with a subfolder a class, a .csv, a .parquet, COCO's .json, the "
            "datapackage.json of a Camtrap DP, or what `embed` wrote."
        ),
    ],
    queries: Annotated[
        Path,
        typer.Argument(
            help="Pictures to identify: a folder, a .csv, a .parquet, COCO's .json, a datapackage.json, a single "
            "picture, or what `embed` wrote."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the answers go: a .csv or .tsv, or - for stdout.")
    ] = Path("answers.csv"),
    details: Annotated[
        Optional[Path],  # noqa: UP045  typer reads it
        typer.Option(help="A Parquet file with similarity, probability and nearest gallery picture of each answer."),
    ] = None,
    report: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A page that shows it all: one file of HTML, which opens anywhere."),
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="How labels are found: transductive, inductive, cosine, logistic, xgboost or self-training; views, by "
            "four views of each picture; after training a network, metric, simclr or hybrid, or as the report did, "
            "metric-report or simclr-report."
        ),
    ] = "transductive",
    backbone: Backbone = "efficientnet-lite0",
    engine: Engine = "auto",
    precision: Precision = "float32",
    cache: Cache = True,
    matching: Matching = "auto",
    distractors: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            help="Rule: probability, none, threshold, dbscan (in the plane of t-SNE), dbscan-embedding, hdbscan "
            "or evoc. Unless given, the recipe's own: probability for transductive, metric, simclr and hybrid, "
            "dbscan for the others.",
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
    name_above: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option(
            help="Name no query below this probability, 0 to 1: its answer begins with the unknown label, the other "
            "labels follow in their order, and all keep their probabilities.",
            rich_help_panel=DISTRACTORS,
        ),
    ] = None,
    discover: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(
            "--discover/--no-discover",
            help="Group the queries that are probably unknown, each group a new class. Unless given, where it takes "
            "little time: with the recipes that look at all queries together.",
            rich_help_panel=DISTRACTORS,
        ),
    ] = None,
    new_classes: Annotated[
        NewClasses,
        typer.Option(
            help="What the answers say of a query that is in a group: the unknown label, or the group's name, new-1 "
            "the largest.",
            rich_help_panel=DISTRACTORS,
        ),
    ] = NewClasses.UNKNOWN,
    k: Labels = 5,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    separator: Separator = None,
    unknown: Unknown = "-1",
    image_root: ImageRoot = None,
    box_columns: BoxColumns = None,
    mask_column: MaskColumn = "mask",
    margin: Margin = None,
    encounter_column: EncounterColumn = "encounter",
    by_encounter: Annotated[
        bool,
        typer.Option("--by-encounter", help="Give all queries of an encounter one answer.", rich_help_panel=FORMAT),
    ] = False,
    write_back: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            help="Write queries of COCO JSON (a .json) or Camtrap DP (its observations.csv) with the answers in them; "
            "all else they hold stays.",
            rich_help_panel=FORMAT,
        ),
    ] = None,
    strict: Strict = False,
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
    from fieldguide.cli.said import SAID
    from fieldguide.core.files import where_to_report
    from fieldguide.pipelines.identify import Settings, identify_files
    from fieldguide.records.answers import Format
    from fieldguide.records.columns import PictureColumns
    from fieldguide.report.new_classes import new_classes_in_words

    settings = Settings(
        *(recipe, backbone, distractors, contamination, threshold, k, seed, engine, precision, cache),
        strict=strict,
        name_above=name_above,
        discover=discover,
        by_encounter=by_encounter,
        matching=matching,
    )
    columns = PictureColumns.named(box_columns, mask_column, margin, encounter_column)
    form = Format(image_column, label_column, separator, unknown, columns)
    SAID.file = where_to_report([output, details, report, write_back])
    result = identify_files(
        *(gallery, queries, output, settings),
        form=form,
        details=details,
        report=report,
        image_root=image_root,
        name_new=new_classes is NewClasses.NAME,
        write_back=write_back,
    )
    identified, unknowns, unreadable = result.counts
    n = len(result.ranking)
    sure = "" if name_above is None else f" with a probability of at least {name_above:g}"
    lines = [
        f"distractors: {result.summary}",
        f"{n:,} {'query' if n == 1 else 'queries'}: {identified:,} identified{sure}, {unknowns:,} unknown"
        + (f", {unreadable:,} unreadable" if unreadable else ""),
        *(new_classes_in_words(result.number_of_new_classes, [len(one) for one in result.new_classes])),
        f"answers: {output}",
    ]
    others = ("details", details), ("report", report), ("written back", write_back)
    lines += [f"{what}: {path}" for what, path in others if path]
    print("\n".join(lines), file=SAID.file)

"""fieldguide discover."""

from pathlib import Path
from typing import Annotated, Optional

import typer

from fieldguide.cli.options import Backbone, Cache, Engine, ImageColumn, ImageRoot, Precision, Strict


def discover(
    pictures: Annotated[
        Path, typer.Argument(help="A folder, a .csv, a .parquet, a single picture, or what `embed` wrote.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the groups go: a .csv or .tsv, or - for stdout.")
    ] = Path("groups.csv"),
    cut: Annotated[
        Optional[float],  # noqa: UP045  typer reads it
        typer.Option(
            help="How close two groups must lie on the mean to be one, above 0, at most 1; 0.12 unless given. Raise it "
            "where classes have few pictures, to 0.4 for two or three; lower it where a class falls apart."
        ),
    ] = None,
    backbone: Backbone = "efficientnet-lite0",
    engine: Engine = "auto",
    precision: Precision = "float32",
    cache: Cache = True,
    image_column: ImageColumn = "image",
    image_root: ImageRoot = None,
    strict: Strict = False,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
) -> None:
    """Group pictures of which nothing is known, each group a class: new-1 the largest.

    Writes a row a picture: its name, and its group. With some labelled pictures, even of other classes, `identify`
    groups better: it learns from them where groups end.

    For example:

        fieldguide discover pictures/ -o groups.csv
    """
    from fieldguide.cli.said import SAID
    from fieldguide.core.files import where_to_report
    from fieldguide.embedding.embedder import Embedder
    from fieldguide.pipelines.discover import discover_files
    from fieldguide.records.answers import Format

    embedder = Embedder(backbone, engine, precision, cache=cache)
    SAID.file = where_to_report([output])
    found = discover_files(
        *(pictures, output, embedder),
        cut=cut,
        seed=seed,
        form=Format(image_column, "group"),
        image_root=image_root,
        strict=strict,
    )
    from fieldguide.report.new_classes import sizes_in_words

    print(f"new classes: {sizes_in_words(found.sizes.tolist())}\ngroups: {output}", file=SAID.file)

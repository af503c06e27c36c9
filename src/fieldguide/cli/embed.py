"""fieldguide embed."""

from pathlib import Path
from typing import Annotated

import typer

from fieldguide.cli.options import (
    Backbone,
    BoxColumns,
    Cache,
    Engine,
    ImageColumn,
    ImageRoot,
    LabelColumn,
    Margin,
    MaskColumn,
    Precision,
    Strict,
)


def embed(
    pictures: Annotated[Path, typer.Argument(help="A folder, a .csv, a .parquet, or a single picture.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the embeddings go: a .parquet or a .npz.")
    ] = Path("embeddings.parquet"),
    gallery: Annotated[
        bool, typer.Option("--gallery", help="The pictures have labels, as a gallery has: keep them in the file.")
    ] = False,
    backbone: Backbone = "efficientnet-lite0",
    engine: Engine = "auto",
    precision: Precision = "float32",
    cache: Cache = True,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    image_root: ImageRoot = None,
    box_columns: BoxColumns = None,
    mask_column: MaskColumn = "mask",
    margin: Margin = None,
    strict: Strict = False,
) -> None:
    """Write the embeddings of pictures to a file, for other programs, or to stand in for the pictures in `identify`.

    For example:

        fieldguide embed gallery/ --gallery -o gallery.parquet

        fieldguide identify gallery.parquet queries/ -o answers.csv
    """
    from fieldguide.cli.said import SAID
    from fieldguide.core.files import where_to_report
    from fieldguide.embedding.embedder import Embedder
    from fieldguide.pipelines.embed import embed_files
    from fieldguide.records.answers import Format
    from fieldguide.records.columns import PictureColumns

    columns = PictureColumns.named(box_columns, mask_column, margin)
    form = Format(image_column, label_column, columns=columns)
    embedder = Embedder(backbone, engine, precision, cache=cache)
    SAID.file = where_to_report([output])
    embedded = embed_files(
        pictures, output, embedder, labelled=gallery, form=form, image_root=image_root, strict=strict
    )
    length, width = embedded.matrix.shape
    print(f"{length:,} embeddings of {width:,} numbers: {output}", file=SAID.file)

"""Options that several commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Optional

import typer

FORMAT = "The format of the files"
DISTRACTORS = "Queries of no known class"


class NewClasses(StrEnum):
    """What answers say of queries of new classes."""

    UNKNOWN = "unknown"
    NAME = "name"


Backbone = Annotated[
    str,
    typer.Option(
        help="What turns pictures into embeddings: efficientnet-lite0, a checkpoint such as "
        "openai/clip-vit-base-patch32, or a folder with one. `fieldguide backbones` lists them."
    ),
]
Engine = Annotated[str, typer.Option(help="What runs the backbone: auto, openvino, onnxruntime or torch.")]
Precision = Annotated[
    str,
    typer.Option(
        help="Of the network's arithmetic: float32; int8, faster on CPUs and refused where it harms your pictures; "
        "bfloat16, on GPUs and on some CPUs; float16 on GPUs."
    ),
]
Cache = Annotated[
    bool, typer.Option("--cache/--no-cache", help="Use embeddings of earlier runs, and keep those of this one.")
]
Matching = Annotated[
    str,
    typer.Option(
        help="What compares pictures by their local features, beside the embeddings: auto, off or sift. It is used as "
        "far as the gallery shows that it is worth it."
    ),
]
ImageColumn = Annotated[str, typer.Option(help="Column of the pictures, in all files.", rich_help_panel=FORMAT)]
LabelColumn = Annotated[str, typer.Option(help="Column of the labels, in all files.", rich_help_panel=FORMAT)]
ImageRoot = Annotated[
    Optional[list[Path]],  # noqa: UP045  typer reads it
    typer.Option(
        help="Folder that relative paths in tables start from, instead of the table's own. May be given twice, as for "
        "train.csv beside train/ and test.csv beside test/: for each table the first that has its pictures counts.",
        rich_help_panel=FORMAT,
    ),
]
BoxColumns = Annotated[
    Optional[str],  # noqa: UP045  typer reads it
    typer.Option(
        help="Columns of a box around the thing: x,y,width,height, or one with all four, in pixels or in shares from 0 "
        "to 1. Unless given x,y,width,height or bbox, if a table has them; none for no boxes.",
        rich_help_panel=FORMAT,
    ),
]
MaskColumn = Annotated[
    str,
    typer.Option(
        help="Column of masks: pictures that are dark where there is background; none for no masks.",
        rich_help_panel=FORMAT,
    ),
]
EncounterColumn = Annotated[
    str,
    typer.Option(
        help="Column of encounters, such as bursts: pictures of one never count as two shots; none for none.",
        rich_help_panel=FORMAT,
    ),
]
Margin = Annotated[
    Optional[float],  # noqa: UP045  typer reads it
    typer.Option(help="What is added to a box on each side, as a share of its sides.", rich_help_panel=FORMAT),
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop, without a result, if a single picture cannot be read.")]
Separator = Annotated[
    Optional[str],  # noqa: UP045  typer reads it
    typer.Option(
        help="What stands between labels. Unless given a space; where a label holds one, the first of ; | and tab that "
        "no label holds. `evaluate` finds it.",
        rich_help_panel=FORMAT,
    ),
]
Unknown = Annotated[str, typer.Option(help="The label for 'none of these'.", rich_help_panel=FORMAT)]
Labels = Annotated[int, typer.Option("-k", help="Labels a query, at most.", rich_help_panel=FORMAT, min=1)]

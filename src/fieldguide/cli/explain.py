"""fieldguide explain."""

from pathlib import Path
from typing import Annotated

import typer


def explain(
    query: Annotated[Path, typer.Argument(help="A picture.")],
    gallery_picture: Annotated[Path, typer.Argument(help="Another, such as the nearest one of its answer.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the drawing goes: a .png or .jpg.")] = Path(
        "pair.png"
    ),
) -> None:
    """Draw what matches in two pictures: the keypoints that agree on how one lies in the other, joined by lines.

    For example:

        fieldguide explain queries/fluke-0001.jpg gallery/w_23a/7.jpg -o pair.png
    """
    from fieldguide.cli.said import SAID
    from fieldguide.core.files import where_to_report
    from fieldguide.pipelines.explain import explain_pair

    SAID.file = where_to_report([output])
    n = explain_pair(query, gallery_picture, output)
    said = f"{n:,} keypoints match" if n else "no keypoints match"
    print(f"{said}: {output}", file=SAID.file)

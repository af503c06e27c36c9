"""fieldguide demo."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo's pictures and answers go.")] = Path("demo"),
) -> None:
    """Make a small task out of photographs that come with scikit-image, identify it, and score the answers."""
    from fieldguide.pipelines.demo import run_demo

    run_demo(folder)

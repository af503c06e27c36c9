"""The centre square of a picture against the whole of it: squeezed, padded, larger; a table in Markdown.

    python benchmarks/whole_picture.py NAME=TASK[,TASK...] [NAME=TASK ...]

Each TASK is a folder with train.csv (image,label), test.csv (image) and truth.csv (image,label). A row is the mean of a
set's tasks. Known queries alone are those with a class, scored as if the unknown label were not among the answers.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from fieldguide import Embedder, TransductiveClassifier
from fieldguide.backbones.efficientnet_lite import EfficientNetLite
from fieldguide.evaluation.metrics import reciprocal_ranks
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records import read_gallery, read_queries
from fieldguide.records.columns import PictureColumns
from fieldguide.records.tables import read_columns
from tasks import STRANGE, Task, measure

NORMAL = {"mean": (127.0,) * 3, "scale": (128.0,) * 3}


class Padded(Preprocessing):
    """Puts a picture into the middle of a grey square first."""

    def __call__(self, picture: Image.Image) -> np.ndarray:
        side = max(picture.size)
        square = Image.new("RGB", (side, side), (127,) * 3)
        square.paste(picture, [(side - length) // 2 for length in picture.size])
        return super().__call__(square)


WAYS = {
    "centre, 224": Preprocessing(224, 256, **NORMAL),
    "squeezed, 224": Preprocessing(224, 224, **NORMAL, squash=True),
    "padded, 224": Padded(224, 224, **NORMAL),
    "squeezed, 320": Preprocessing(320, 320, **NORMAL, squash=True),
}


@dataclass(frozen=True)
class Seeing(EfficientNetLite):
    """EfficientNet-Lite0 that sees pictures in another way."""

    steps: Preprocessing = WAYS["centre, 224"]

    @property
    def preprocessing(self) -> Preprocessing:
        return self.steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=TASK,...")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    args = parser.parse_args()
    print("| set | seen | mAP@5 | AUROC | known queries alone | contamination |")
    print("| --- | --- | --- | --- | --- | --- |")
    for named in args.sets:
        name, folders = named.split("=", 1)
        for way in args.ways:
            rows = [score(Path(folder), way) for folder in folders.split(",")]
            means = " | ".join(f"{np.mean(column):.3f}" for column in zip(*rows, strict=True))
            print(f"| {name} | {way} | {means} |", flush=True)


def score(folder: Path, way: str) -> tuple[float, float, float, float]:
    """Embed a task in one way, from the cache where it is known, and give the row's numbers."""
    embedder = Embedder(Seeing(steps=WAYS[way]), show=False)
    whole = PictureColumns(())
    gallery = embedder.embed(read_gallery(folder / "train.csv", columns=whole))
    queries = embedder.embed(read_queries(folder / "test.csv", columns=whole))
    truth = dict(zip(*read_columns(folder / "truth.csv", ["image", "label"]), strict=True))
    true = np.array([truth[name] for name in queries.names])
    task = Task(gallery.matrix, np.array(gallery.labels), queries.matrix, true)
    found = measure(TransductiveClassifier(), task)
    known = np.flatnonzero(true != STRANGE)
    closed = TransductiveClassifier(contamination=0.0).fit(task.gallery, task.labels).rank(task.queries)
    points = reciprocal_ranks([closed.labels(row) for row in known], list(true[known]), 5)
    return found.precision, found.auroc, float(points.mean()), found.called


if __name__ == "__main__":
    main()

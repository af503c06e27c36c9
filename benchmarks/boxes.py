"""Things that are small in a cluttered picture: the full frame against boxes with margins, a table in Markdown.

    python benchmarks/boxes.py NAME=LABELS.csv [NAME=LABELS.csv ...]

LABELS.csv has the columns image,label, and its paths start from its folder. Each picture is pasted, made small, into a
frame of pieces of other pictures of the set; the frames of gallery and queries are embedded whole, and by the boxes of
what was pasted. Where a picture is transparent the pieces show through. A set that is not there is skipped.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from fieldguide import Embedder, ImageTable, TransductiveClassifier
from fieldguide.images.decoding import open_rgb
from fieldguide.records.regions import Box, Region
from fieldguide.records.tables import read_columns
from tasks import Task, cut, measure

FRAME = 960, 720
SMALL = 90, 200  # pixels, the longer side of what is pasted
PIECE = 40, 160
QUERIES = 400
MARGINS = 0.0, 0.05, 0.1, 0.15, 0.2, 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="NAME=LABELS.csv")
    parser.add_argument("--seeds", type=int, default=3, help="cuts of each set (default 3)")
    parser.add_argument("--classes", type=int, default=54, help="known classes, at most (default 54)")
    args = parser.parse_args()
    print("| set | what is embedded | mAP@5 | AUROC | contamination, 0.30 is true |")
    print("| --- | --- | --- | --- | --- |")
    for named in args.sets:
        name, path = named.split("=", 1)
        if not Path(path).is_file():
            print(f"{name} is skipped: there is no {path}")
            continue
        compare(name, Path(path), args.seeds, args.classes)


def compare(name: str, path: Path, seeds: int, classes: int) -> None:
    """Print a row for the pictures alone, one for the full frame, and one a margin."""
    images, labels = read_columns(path, ["image", "label"])
    rows = np.arange(len(images), dtype=np.float32)[:, None]
    pool = Task(rows, np.array(labels), rows[:0], np.array(labels)[:0])
    embedder = Embedder(cache=False, show=False)
    ways = ["the picture alone", "the full frame", *(f"boxes, margin {margin:g}" for margin in MARGINS)]
    scores: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
    for seed in range(seeds):
        task = cut(pool, seed=seed, classes=classes)
        queries = np.random.default_rng(seed).permutation(len(task.queries))[:QUERIES]
        gallery_rows, query_rows = task.gallery[:, 0].astype(int), task.queries[queries, 0].astype(int)
        used = np.concatenate([gallery_rows, query_rows])
        n = len(gallery_rows)
        with tempfile.TemporaryDirectory() as folder:
            paths = [path.parent / images[row] for row in used]
            frames, boxes = paste(paths, Path(folder), seed)
            tables = [ImageTable.from_images(paths), ImageTable.from_images(frames)]
            tables += [boxed(frames, boxes, margin) for margin in MARGINS]
            for way, table in zip(ways, tables, strict=True):
                matrix = embedder.embed(table).matrix
                cut_task = Task(matrix[:n], task.labels, matrix[n:], task.truth[queries])
                found = measure(TransductiveClassifier(), cut_task)
                scores[way].append((found.precision, found.auroc, found.called))
    for way, cuts in scores.items():
        columns = zip(*cuts, strict=True)
        print(f"| {name} | {way} | " + " | ".join(f"{np.mean(column):.3f}" for column in columns) + " |", flush=True)


def paste(paths: list[Path], folder: Path, seed: int) -> tuple[list[Path], list[Box]]:
    """Make the frames, and say where in each the picture is."""
    rng = np.random.default_rng(seed)
    frames, boxes = [], []
    for number, path in enumerate(paths):
        frame = Image.new("RGB", FRAME)
        others = [open_rgb(paths[row], 256) for row in rng.integers(0, len(paths), 12)]
        for _ in range(150):
            other = others[rng.integers(len(others))]
            side = min(int(rng.integers(*PIECE)), *other.size)
            x, y = (int(rng.integers(0, length - side + 1)) for length in other.size)
            corner = tuple(int(rng.integers(-side // 2, length)) for length in FRAME)
            frame.paste(other.crop((x, y, x + side, y + side)), corner)
        with Image.open(path) as picture:
            thing = picture.convert("RGBA")
        thing = thing.crop(thing.getbbox(alpha_only=True))
        scale = rng.integers(*SMALL) / max(thing.size)
        thing = thing.resize([max(1, round(scale * length)) for length in thing.size], Image.Resampling.LANCZOS)
        corner = tuple(int(rng.integers(0, length - own + 1)) for length, own in zip(FRAME, thing.size, strict=True))
        frame.paste(thing, corner, thing)
        frames.append(folder / f"{number}.jpg")
        frame.save(frames[-1], quality=92)
        boxes.append(Box(*corner, *thing.size))
    return frames, boxes


def boxed(frames: list[Path], boxes: list[Box], margin: float) -> ImageTable:
    """List the boxes of the frames."""
    names = [path.name for path in frames]
    return ImageTable(names, frames, regions={row: Region(box, None, margin) for row, box in enumerate(boxes)})


if __name__ == "__main__":
    main()

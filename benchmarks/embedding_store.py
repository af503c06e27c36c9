"""Memory and seconds of embedding many pictures, and of doing it again: a table in Markdown.

    python benchmarks/embedding_store.py FOLDER [--pictures 100000] [--network]

FOLDER gets small synthetic JPEGs, if they are not there, and a cache. A network that takes no time stands in for the
backbone, so that what is measured is everything else; --network runs EfficientNet-Lite0. Each row is a process of its
own. A run that is killed goes on where it was when this is called again.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed, open_cache
from fieldguide.engines import start_engine
from fieldguide.records import read_queries


class Bands:
    """Stands in for an engine: the means of bands of a picture."""

    cache_key = "bands"
    batch = 1

    def __call__(self, squares: np.ndarray) -> np.ndarray:
        return np.tile(squares.reshape(len(squares), 64, -1)[:, :, ::97].mean(2, dtype=np.float32), (1, 20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--network", action="store_true")
    parser.add_argument("--measure", metavar="NAME", help=argparse.SUPPRESS)
    args = parser.parse_args()
    os.environ["FIELDGUIDE_CACHE"] = str(args.folder / "cache")
    if args.measure:
        measure(args.folder, args.measure, network=args.network)
        return
    print("| pictures | run | embedded | seconds | CPU seconds | embeddings MiB | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for pictures in (args.pictures // 10, args.pictures):
        make(args.folder / str(pictures), pictures)
        for run in "first", "second":
            words = [args.folder, "--measure", f"{pictures} {run}", *(["--network"] if args.network else [])]
            subprocess.run([sys.executable, __file__, *map(str, words)], check=True)


def make(folder: Path, pictures: int) -> None:
    """Write pictures of 64 by 48 random blocks of colour, no two alike, a thousand a folder."""
    for number in range(pictures):
        path = folder / f"{number // 1000:03}" / f"{number:06}.jpg"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            blocks = np.random.default_rng(number + pictures).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            Image.fromarray(blocks).resize((64, 48), Image.Resampling.NEAREST).save(path, quality=85)


def measure(folder: Path, name: str, *, network: bool) -> None:
    start = time.perf_counter()
    backbone = load_backbone("efficientnet-lite0")
    engine = start_engine("auto", backbone) if network else Bands()
    pictures, run = name.split()
    shown: list[int] = []  # threads may append to it at once

    class Counting:
        cache_key, batch = engine.cache_key, engine.batch

        def __call__(self, squares: np.ndarray) -> np.ndarray:
            shown.append(len(squares))
            return engine(squares)

    catalog = read_queries(folder / pictures)
    result = embed(catalog, backbone, engine=Counting(), cache=open_cache(backbone, engine), show=network)
    seconds = time.perf_counter() - start
    assert len(result.rows) == len(catalog)
    size, used = result.matrix.nbytes / 2**20, resource.getrusage(resource.RUSAGE_SELF)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 2**10
    print(
        f"| {int(pictures):,} | {run} | {sum(shown):,} | {seconds:.1f} | {cpu:.1f} | {size:.0f} | {peak:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

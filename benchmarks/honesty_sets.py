"""The sets that honesty.py cuts its tasks from: read from a folder, drawn, or mixtures with known truth.

    python benchmarks/honesty_sets.py --cache CACHE [--data DATA] [NAME ...]

embeds those that CACHE does not have yet. DATA holds a folder a set, each with labels.csv (image,label and perhaps
encounter), or, for emoji, train.csv and truth.csv (image,label,style). Mixtures take no time and are not kept.
"""

import argparse
import ast
import csv
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import drawn_sets
from drawn_sets import DRAWN
from fieldguide import Embedder
from mixtures import MIXTURES
from tasks import STRANGE

# Constants of the recognizer are chosen on the first of these and shown on the second; fixed before any was measured
READ = {"development": ("emoji", "grocery", "nyala", "coats0", "coats1"), "check": ("coats2",)}
HELD_BACK = ("letters-east", "flags-1", "icons-0", "icons-1", "grains-1", "coats-3", "coats-7")
LATER_ONLY = ("icons-1",)  # of whose groups the last half are never shots: the queries have other designers


@dataclass(frozen=True)
class LabelledSet:
    """Embedded pictures.

    Attributes
    ----------
    matrix : (n, dim) float32
    labels : (n,) `STRANGE` where the class is not known: such pictures are distractors always
    group : (n,) the encounter or the designer, '' if there is none
    side : (n,) 1 for pictures that may be shots only, 2 for those that may be queries only, 0 for either
    near : rows and n → (n, len(rows), dim) other pictures of the same bursts
    """

    matrix: np.ndarray
    labels: np.ndarray
    group: np.ndarray
    side: np.ndarray
    near: Callable[[np.ndarray, int], np.ndarray]


def names_of(group: str) -> list[str]:
    """Give the names of the sets of `development`, `check` or `all`."""
    if group == "all":
        return names_of("development") + names_of("check")
    drawn = [name for name in DRAWN if (name in HELD_BACK) == (group == "check")]
    mixed = [name for position, name in enumerate(MIXTURES) if (position % 2 == 1) == (group == "check")]
    return [*READ[group], *drawn, *mixed]


def load(name: str, cache: Path, data: Path | None = None) -> LabelledSet:
    """Give a set, embedded if it is not in the cache.

    Raises
    ------
    FileNotFoundError : its folder is not there.
    """
    if name in MIXTURES:
        return LabelledSet(*MIXTURES[name].draw())
    kept = cache / f"{name}.npz"
    made_by = _fingerprint(name, data)
    if kept.exists():
        with np.load(kept) as saved:
            if "made_by" in saved and str(saved["made_by"]) == made_by:
                return _set_of(name, data, {key: saved[key] for key in ("matrix", "labels", "group", "names")})
    pictures, labels, groups, names = _pictures(name, data)
    embedded = Embedder(show=False).embed(pictures)
    rows = np.asarray(list(embedded.rows))
    columns = {
        "matrix": np.asarray(embedded.matrix, np.float32),
        "labels": np.array(labels)[rows],
        "group": np.array(groups)[rows],
        "names": np.array(names)[rows],
    }
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = cache / f".{name}.{os.getpid()}.npz"
    np.savez(unfinished, made_by=made_by, **columns)
    unfinished.replace(kept)
    return _set_of(name, data, columns)


def _set_of(name: str, data: Path | None, columns: dict[str, np.ndarray]) -> LabelledSet:
    group = columns["group"]
    side = np.zeros(len(group), int)
    if name == "emoji":
        side = np.where(np.char.startswith(group, "train"), 1, 2)
    if name in LATER_ONLY:
        halves = np.unique(group)
        side = np.where(np.isin(group, halves[: len(halves) // 2]), 1, 2)
    near = partial(_near, name, data, columns["names"])
    return LabelledSet(columns["matrix"], columns["labels"], group, side, near)


def _near(name: str, data: Path | None, names: np.ndarray, rows: np.ndarray, n: int) -> np.ndarray:
    if name in DRAWN:
        wanted = {int(number) for number in names[rows]}
        drawn = {number: picture for number, (_, _, picture) in enumerate(DRAWN[name]()) if number in wanted}
        pictures = [drawn[int(number)] for number in names[rows]]
    else:
        pictures = [Image.open(_folder(name, data) / image).convert("RGB") for image in names[rows]]
    views = [
        np.asarray(drawn_sets.near_copy(picture, np.random.default_rng([position, copy])))
        for copy in range(n)
        for position, picture in enumerate(pictures)
    ]
    return np.asarray(Embedder(show=False).embed(views).matrix, np.float32).reshape(n, len(rows), -1)


def _pictures(name: str, data: Path | None) -> tuple[list, list[str], list[str], list[str]]:
    """Give pictures, labels, groups and names."""
    if name in DRAWN:
        drawn = list(DRAWN[name]())
        labels, groups = [label for label, _, _ in drawn], [group for _, group, _ in drawn]
        return [np.asarray(picture) for _, _, picture in drawn], labels, groups, [str(n) for n in range(len(drawn))]
    folder = _folder(name, data)
    rows = _rows(folder, "train.csv", "truth.csv") if name == "emoji" else _rows(folder, "labels.csv")
    names = [row["image"] for row in rows]
    if name == "emoji":
        groups = [f"{Path(row['image']).parts[0]}/{row['style']}" for row in rows]
    else:
        groups = [row.get("encounter", "") for row in rows]
    return [str(folder / image) for image in names], [row["label"] for row in rows], groups, names


def _folder(name: str, data: Path | None) -> Path:
    if data is None or not (data / name).is_dir():
        raise FileNotFoundError(f"no folder {name} in {data or 'any --data'}")
    return data / name


def _rows(folder: Path, *tables: str) -> list[dict[str, str]]:
    rows = []
    for table in tables:
        with (folder / table).open(newline="") as file:
            rows += list(csv.DictReader(file))
    return rows


def _fingerprint(name: str, data: Path | None) -> str:
    if name in DRAWN:
        code = ast.dump(ast.parse(Path(drawn_sets.__file__).read_text()))  # layout and comments draw nothing
        return hashlib.sha256(code.encode()).hexdigest()[:16]
    folder = _folder(name, data)
    tables = ("train.csv", "truth.csv") if name == "emoji" else ("labels.csv",)
    return hashlib.sha256(b"".join((folder / table).read_bytes() for table in tables)).hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    for name in args.names or names_of("all"):
        try:
            own = load(name, args.cache, args.data)
        except FileNotFoundError as missing:
            print(f"{name}: left out: {missing}", flush=True)
            continue
        known = own.labels[own.labels != STRANGE]
        print(f"{name}: {len(own.labels)} pictures of {len(np.unique(known))} classes", flush=True)


if __name__ == "__main__":
    main()

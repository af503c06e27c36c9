"""What lies in the cache folder, and how it is removed."""

import logging
import shutil
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from fieldguide.core.machine import cache_folder
from fieldguide.core.scratch import is_left
from fieldguide.embedding.cache.parts import remove

log = logging.getLogger("fieldguide")

DAY = 86_400.0


@dataclass(frozen=True)
class Kept:
    """Something in the cache folder that can be removed by itself, and is made again when it is needed.

    Attributes
    ----------
    path : a part of the store, or the folder of a converted network
    size : bytes
    used : when it was last of use, or made; seconds since the epoch
    """

    path: Path
    size: int
    used: float


def kept() -> list[Kept]:
    """All that is in the cache folder, longest unused first; what a live run is writing is not yet there."""
    folder = cache_folder()
    paths = [*folder.glob("embeddings/*/*"), *folder.glob("engines/*")]
    found = []
    for path in paths:
        if path.name.startswith(".") and not is_left(path):
            continue
        try:
            files = [path] if path.is_file() else [inside for inside in path.rglob("*") if inside.is_file()]
            sizes = [(file.stat().st_size, file.stat().st_mtime) for file in files]
        except OSError:  # another run removed it just now
            continue
        found.append(Kept(path, sum(size for size, _ in sizes), max((used for _, used in sizes), default=0.0)))
    return sorted(found, key=lambda one: (one.used, one.path))


def by_kind() -> dict[str, list[Kept]]:
    """The same, by what it is: the folder it lies in, relative to the cache folder."""
    kinds = defaultdict(list)
    for one in kept():
        kinds[one.path.parent.relative_to(cache_folder()).as_posix()].append(one)
    return dict(sorted(kinds.items()))


def prune(*, unused_days: float | None = None, to_bytes: float | None = None) -> int:
    """Remove what was not used for some days, then the longest unused until the rest fits in some bytes.

    Returns
    -------
    How many bytes that freed.
    """
    left, freed, stuck = kept(), 0, 0
    total = sum(one.size for one in left)
    for one in left:
        old = unused_days is not None and one.used < time.time() - unused_days * DAY
        if old or (to_bytes is not None and total - freed > to_bytes):
            freed += _remove(one)
            stuck += one.path.exists()
    if stuck:
        log.warning("%d things could not be removed from %s: they are not ours to change", stuck, cache_folder())
    return freed


def _remove(one: Kept) -> int:
    if one.path.is_file():
        return remove(one.path)
    shutil.rmtree(one.path, ignore_errors=True)
    return 0 if one.path.exists() else one.size

"""The cache folder as a whole: what lies in it, and how it is removed."""

import logging
import shutil
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from fieldguide.core.machine import cache_folder
from fieldguide.core.scratch import is_abandoned
from fieldguide.embedding.cache.parts import remove

log = logging.getLogger("fieldguide")

DAY = 86_400.0


@dataclass(frozen=True)
class CacheEntry:
    """A file or folder in the cache that can be removed by itself, and is made again when it is needed.

    Attributes
    ----------
    path : a part of the cache of embeddings, or the folder of a converted network
    size : bytes
    used : when it was last used, or made; seconds since the epoch
    """

    path: Path
    size: int
    used: float


def cache_entries() -> list[CacheEntry]:
    """List all that is in the cache folder, longest unused first, without what a live run is writing."""
    folder = cache_folder()
    paths = [*folder.glob("embeddings/*/*"), *folder.glob("engines/*")]
    found = []
    for path in paths:
        if path.name.startswith(".") and not is_abandoned(path):
            continue
        try:
            files = [path] if path.is_file() else [inside for inside in path.rglob("*") if inside.is_file()]
            sizes = [(file.stat().st_size, file.stat().st_mtime) for file in files]
        except OSError:  # another run removed it just now
            continue
        found.append(CacheEntry(path, sum(size for size, _ in sizes), max((used for _, used in sizes), default=0.0)))
    return sorted(found, key=lambda entry: (entry.used, entry.path))


def entries_by_kind() -> dict[str, list[CacheEntry]]:
    """List the same by kind, which is the folder it lies in, relative to the cache folder."""
    kinds = defaultdict(list)
    for entry in cache_entries():
        kinds[entry.path.parent.relative_to(cache_folder()).as_posix()].append(entry)
    return dict(sorted(kinds.items()))


def prune(*, unused_days: float | None = None, to_bytes: float | None = None) -> int:
    """Remove what was not used for some days, then the longest unused until the rest fits in some bytes.

    Returns
    -------
    How many bytes that freed.
    """
    entries, freed, stuck = cache_entries(), 0, 0
    total = sum(entry.size for entry in entries)
    for entry in entries:
        old = unused_days is not None and entry.used < time.time() - unused_days * DAY
        if old or (to_bytes is not None and total - freed > to_bytes):
            freed += _remove(entry)
            stuck += entry.path.exists()
    if stuck:
        log.warning("%d things could not be removed from %s: they are not ours to change", stuck, cache_folder())
    return freed


def _remove(entry: CacheEntry) -> int:
    if entry.path.is_file():
        return remove(entry.path)
    shutil.rmtree(entry.path, ignore_errors=True)
    return 0 if entry.path.exists() else entry.size

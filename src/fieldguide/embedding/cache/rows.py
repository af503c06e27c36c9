"""Values by key in a folder of parts: an index of all keys in memory, 20 bytes a row, and the values on disk."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from fieldguide.core.arrays import Anything, Ints
from fieldguide.embedding.cache.parts import (
    BrokenPartError,
    discard,
    parts_in,
    read_column,
    read_part,
    remove,
    remove_scratch,
    touch,
    write_part,
)

KEY_BYTES = 16
SECONDS_AT_RISK = 3.0  # a run that is killed loses what it embedded in its last seconds, these at most
PART_BYTES = 8 << 20  # more than a few times this is never in memory for one part
MANY_PARTS = 32  # that are not full: these are put together


class KeyedRows:
    """Rows of numbers by key, appended to by any number of runs at once.

    Parameters
    ----------
    folder : where the parts lie
    key, value : what the columns are called
    width : numbers in a value
    dtype : of a value, uint8 or float32
    """

    def __init__(self, folder: Path, key: str, value: str, width: int, dtype: type[np.generic]) -> None:
        self.folder, self.names = folder, (key, value)
        self.dtype = dtype
        self.rows_a_part = max(1, PART_BYTES // (KEY_BYTES + width * np.dtype(dtype).itemsize))
        self.pending: list[tuple[bytes, Anything]] = []
        self.flushed = time.monotonic()
        with suppress(OSError):  # a folder that is only to be read: what is in it is still of use
            self.compact()
        self._scan()

    def find(self, keys: Anything) -> Ints:
        """Which part has each of these keys, (n,) `S16`; -1 for none."""
        if not len(self.keys):
            return np.full(len(keys), -1)
        place = np.searchsorted(self.keys, keys).clip(max=len(self.keys) - 1)
        return np.where(self.keys[place] == keys, self.part[place], -1)

    def load(self, keys: Anything, into: Anything, rows: Ints) -> Ints:
        """Copy values to rows of an array.

        Parameters
        ----------
        keys : (n,) `S16`
        into : (m, width)
        rows : (n,) which row of `into` each goes to

        Returns
        -------
        The rows that got none.
        """
        found = self.find(keys)
        got = np.zeros(len(keys), bool)
        for number in np.unique(found[found >= 0]):
            here = np.flatnonzero(found == number)
            columns = self._read(self.paths[number])
            if columns is None:
                continue
            keys_there, values = as_keys(columns[self.names[0]]), columns[self.names[1]]
            order = np.argsort(keys_there)
            place = order[np.searchsorted(keys_there, keys[here], sorter=order).clip(max=len(order) - 1)]
            same = keys_there[place] == keys[here]
            into[rows[here[same]]] = values[place[same]]
            got[here[same]] = True
            touch(self.paths[number])
        return rows[~got]

    def add(self, key: bytes, value: Anything) -> None:
        """Add a row. It is on disk a few seconds later.

        Raises
        ------
        OSError : the folder cannot be written to, or the disk is full.
        """
        self.pending.append((key, value))
        if len(self.pending) >= self.rows_a_part or time.monotonic() - self.flushed > SECONDS_AT_RISK:
            self.flush()

    def flush(self) -> None:
        """Write what is not yet on disk."""
        if self.pending:
            keys = np.frombuffer(b"".join(key for key, _ in self.pending), np.uint8).reshape(-1, KEY_BYTES)
            values = np.stack([value for _, value in self.pending]).astype(self.dtype, copy=False)
            write_part(self.folder, dict(zip(self.names, (keys, values), strict=True)))
        self.pending = []
        self.flushed = time.monotonic()

    def compact(self) -> None:
        """Put small parts together, if there are many.

        A part is deleted when all that was in it lies in another. Two runs that do this at once leave rows twice: they
        do no harm, and the next one puts it right.

        Raises
        ------
        OSError : the folder cannot be written to, or the disk is full.
        """
        remove_scratch(self.folder)
        sizes = {path: size for path in parts_in(self.folder) if 0 < (size := _size(path)) < PART_BYTES // 2}
        if len(sizes) < MANY_PARTS:
            return
        for group in _groups(sizes):
            parts = {path: columns for path in group if (columns := self._read(path))}
            if len(parts) < 2:  # another run does the same, and was quicker
                continue
            keys, values = (np.concatenate([columns[name] for columns in parts.values()]) for name in self.names)
            _, first = np.unique(as_keys(keys), return_index=True)
            merged = write_part(self.folder, dict(zip(self.names, (keys[first], values[first]), strict=True)))
            for path in parts:
                if path != merged:
                    remove(path)

    def _read(self, path: Path) -> dict[str, Anything] | None:
        try:
            return read_part(path)
        except BrokenPartError:
            discard(path)
        except OSError:  # gone, as another run put small parts together: what was in it is made again
            pass
        return None

    def _scan(self) -> None:
        keys, parts = [], []
        self.paths: list[Path] = []
        for path in parts_in(self.folder):
            try:
                column = as_keys(read_column(path, self.names[0]))
            except BrokenPartError:
                discard(path)
                continue
            except OSError:
                continue
            keys.append(column)
            parts.append(np.full(len(column), len(self.paths), np.int32))
            self.paths.append(path)
        every = np.concatenate([np.empty(0, f"S{KEY_BYTES}"), *keys])
        order = np.argsort(every, kind="stable")
        self.keys = every[order]
        self.part = np.concatenate([np.empty(0, np.int32), *parts])[order]


def as_keys(column: Anything) -> Anything:
    """(n, 16) bytes as (n,) `S16`, which NumPy sorts and searches."""
    return np.ascontiguousarray(column).view(f"S{KEY_BYTES}").reshape(-1)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _groups(sizes: Mapping[Path, int]) -> Iterator[list[Path]]:
    """Parts that are a full one together."""
    group: list[Path] = []
    for path, size in sizes.items():
        if group and sum(sizes[one] for one in group) + size > PART_BYTES:
            yield group
            group = []
        group.append(path)
    if len(group) > 1:
        yield group

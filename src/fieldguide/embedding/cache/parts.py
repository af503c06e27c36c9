"""Rows in Parquet files that are never changed: a part is written whole, and its name is the hash of its content.

So a run that is killed leaves no half part, two runs at once do not touch each other's, and a part that a disk has
spoilt no longer fits its name.
"""

import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.core.scratch import is_abandoned, lock

log = logging.getLogger("fieldguide")

SCRATCH = ".writing-"  # how names of scratch files begin


class BrokenPartError(Exception):
    """A part that is not what was written."""


def write_part(folder: Path, columns: Mapping[str, Anything]) -> Path:
    """Write rows as one new part.

    Parameters
    ----------
    folder : made if need be
    columns : by name, each (n, width) bytes or float32

    Raises
    ------
    OSError : the folder cannot be written to.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = [_to_arrow(column) for column in columns.values()]
    fields = [pa.field(name, array.type, nullable=False) for name, array in zip(columns, arrays, strict=True)]
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
    # Embeddings hardly become smaller by compression; without, they are read at the speed of the disk
    pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    content = memoryview(sink.getvalue())
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_digest(content)}.parquet"
    handle, scratch = tempfile.mkstemp(prefix=SCRATCH, dir=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            lock(handle)
            file.write(content)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
    return path


def read_part(path: Path) -> dict[str, Anything]:
    """Read a part's columns, each (n, width).

    Raises
    ------
    BrokenPartError : it is not what was written.
    OSError : it is no longer there, or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = path.read_bytes()
    if _digest(content) != path.stem:
        raise BrokenPartError
    table = pq.read_table(pa.BufferReader(content))
    return {name: _to_numpy(table.column(name).combine_chunks()) for name in table.column_names}


def read_column(path: Path, name: str) -> Anything:
    """Read one column, (n, width), fast and on trust: whoever acts on it reads the part.

    Raises
    ------
    BrokenPartError : there is no such column in it.
    OSError : it is no longer there, or cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            return _to_numpy(pq.read_table(file, columns=[name]).column(name).combine_chunks())
    except (pa.ArrowException, KeyError, ValueError, AttributeError, TypeError) as error:
        raise BrokenPartError from error
    except OSError as error:
        if error.errno is None:  # Arrow's own, of content that it cannot make sense of
            raise BrokenPartError from error
        raise


def parts_in(folder: Path) -> list[Path]:
    """Every part in a folder; none if there is no such folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".parquet")
    except FileNotFoundError:
        return []


def discard(path: Path) -> None:
    """Delete a broken part, and say so: what was in it is made again."""
    log.warning("%s is damaged and passed over: what it held is made again", path)
    remove(path)


def remove(path: Path) -> int:
    """Delete a file; gives how many bytes that freed."""
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError:  # another run was quicker, or the folder is not ours to change
        return 0
    return size


def remove_scratch(folder: Path) -> None:
    """Delete what killed runs were writing, and nothing of a run that lives."""
    for path in folder.glob(f"{SCRATCH}*"):
        if is_abandoned(path):
            remove(path)


def touch(path: Path) -> None:
    """Note that a part was of use."""
    with suppress(OSError):
        os.utime(path)


def _digest(content: bytes | memoryview) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _to_arrow(column: Anything) -> Any:
    import pyarrow as pa

    column = np.ascontiguousarray(column)
    length, width = column.shape
    if column.dtype == np.uint8:
        return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), length, [None, pa.py_buffer(column)])
    item = pa.field("item", pa.float32(), nullable=False)
    return pa.FixedSizeListArray.from_arrays(pa.array(column.reshape(-1)), type=pa.list_(item, width))


def _to_numpy(array: Any) -> Anything:
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(array.type):
        width = array.type.byte_width
        values = np.frombuffer(array.buffers()[1], np.uint8)[array.offset * width :][: len(array) * width]
    else:
        width = array.type.list_size
        values = array.flatten().to_numpy()
    return values.reshape(len(array), width)

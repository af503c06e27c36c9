"""Turns a column of embeddings, of whatever type another program wrote, into float32 rows, or refuses it in a line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.errors import RecordsError

LISTED = 3  # rows that a warning names


def rows_of_column(path: Path, column: Any, names: Sequence[str], start: int, width: int | None) -> Floats:
    """(n, dim) float32 from a column of lists of numbers.

    Parameters
    ----------
    path : of the file
    column : a pyarrow array of n lists, large or of fixed size, of any type of number
    names : (n,) of the pictures
    start : the file's rows before these
    width : the numbers of earlier rows, if there are earlier rows

    Raises
    ------
    RecordsError : it is another type, or a row is missing, has another length, or holds a null.
    """
    import pyarrow as pa

    if isinstance(column.type, pa.ExtensionType):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise RecordsError(f"{path}: 'embedding' holds {kind}, where each row is to be a list of numbers")
    item = kind.value_type
    if not (pa.types.is_floating(item) or pa.types.is_integer(item) or pa.types.is_decimal(item)):
        raise RecordsError(f"{path}: 'embedding' holds lists of {item}, where each is to be of numbers")

    lengths = _lengths(column)
    if (lengths < 0).any():
        raise RecordsError(f"{path}: {_describe_row(names, start, int(np.argmax(lengths < 0)))} has no embedding")
    expected = int(lengths[0]) if width is None and len(lengths) else width
    if expected == 0:
        raise RecordsError(f"{path}: the embedding of {_describe_row(names, start, 0)} has no numbers")
    if (lengths != expected).any():
        row = int(np.argmax(lengths != expected))
        raise RecordsError(
            f"{path}: the embeddings are not all of one length: that of {_describe_row(names, start, row)} has "
            f"{lengths[row]:,} numbers, where the first has {expected:,}"
        )
    numbers = column.flatten()
    if numbers.null_count:
        row = int(np.argmax(numbers.is_null().to_numpy(zero_copy_only=False))) // (expected or 1)
        raise RecordsError(
            f"{path}: the embedding of {names[row]} has a number that is none (row {start + row + 1:,}: null)"
        )
    if pa.types.is_decimal(item):
        numbers = numbers.cast(pa.float64())
    return as_float32(numbers.to_numpy(zero_copy_only=False)).reshape(len(column), -1)


def _lengths(column: Any) -> Anything:
    """(n,) how many numbers each list has, -1 for a row that is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lengths = pc.list_value_length(column).fill_null(-1).to_numpy(zero_copy_only=False)
    if pa.types.is_fixed_size_list(column.type):  # some versions give the size of a row that is none too
        lengths = np.where(column.is_null().to_numpy(zero_copy_only=False), -1, lengths)
    return np.asarray(lengths, np.int64)


def rows_of_array(path: Path, array: Anything, n: int) -> Floats:
    """(n, dim) float32 from an array of a .npz.

    Raises
    ------
    RecordsError : it has not one row for each of n pictures, no numbers in a row, or holds no numbers.
    """
    if array.dtype.kind not in "fiu":
        raise RecordsError(f"{path}: 'embedding' is an array of {array.dtype}, where numbers are expected")
    if array.ndim != 2 or len(array) != n:
        raise RecordsError(
            f"{path}: 'embedding' has not one row for each of 'image': its shape is {array.shape}, where "
            f"({n}, numbers of an embedding) is expected"
        )
    if n and not array.shape[1]:
        raise RecordsError(f"{path}: the embeddings have no numbers: the shape is {array.shape}")
    return as_float32(array)


def as_float32(numbers: Anything) -> Floats:
    """Give numbers as float32; what is beyond it becomes infinite, which `check_finite` refuses."""
    with np.errstate(over="ignore"):
        return np.asarray(numbers.astype(np.float32, copy=False))


def check_finite(path: Path, matrix: Floats, names: Sequence[str]) -> None:
    """Refuse embeddings with NaN or infinity.

    Raises
    ------
    RecordsError : it names the first row.
    """
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite))
        number = matrix[row][~np.isfinite(matrix[row])][0]
        what = "NaN" if np.isnan(number) else "infinite, or beyond float32"
        raise RecordsError(f"{path}: the embedding of {names[row]} has a number that is none (row {row + 1:,}: {what})")


def describe_constant_rows(matrix: Floats, names: Sequence[str]) -> str:
    """Describe the rows that cannot be compared with others, for a warning; an empty text if there are none.

    A row of zeros has no direction; nor has, once the mean of its numbers is gone, a row that is one number throughout.
    A picture that was blank, or a program that filled in for one that it could not read, leaves such rows.
    """
    if matrix.shape[1] < 2:
        return ""
    constant = np.flatnonzero((matrix == matrix[:, :1]).all(axis=1))
    if not len(constant):
        return ""
    zero = int((matrix[constant, 0] == 0).sum())
    kinds = [f"{zero:,} all zeros"] * bool(zero) + [f"{len(constant) - zero:,} one number throughout"] * (
        zero < len(constant)
    )
    listed = ", ".join(_describe_row(names, 0, row) for row in constant[:LISTED])
    more = f" and {len(constant) - LISTED:,} more" if len(constant) > LISTED else ""
    return (
        f"{len(constant):,} of {len(matrix):,} embeddings say nothing of their pictures ({', '.join(kinds)}): "
        f"{listed}{more}"
    )


def _describe_row(names: Sequence[str], start: int, row: int) -> str:
    return f"{names[row]} (row {start + row + 1:,})"

"""The most similar rows by cosine, by blocks, so that no matrix of queries × gallery is ever held."""

from collections.abc import Iterator

import numpy as np

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.approximate import nearest_in_lists

BLOCK_BYTES = 64 << 20  # of one block of similarities: big enough for BLAS, small beside the embeddings
EXACT_UP_TO = 20_000  # rows on both sides: some seconds; with more, exact search would be most of the time
GROUP = 32  # columns whose maximum is taken first; of 16, 32 and 64 the fastest


def as_floats(matrix: Anything) -> Anything:
    """Give float32 for half floats and whole numbers, whose arithmetic overflows; others as they are."""
    wide_enough = matrix.dtype.kind == "f" and matrix.dtype.itemsize >= 4
    return matrix if wide_enough else matrix.astype(np.float32)


def unit_rows(matrix: Anything) -> Floats:
    """Scale rows to length 1, float32; rows of zeros stay zeros.

    Divided by the largest entry first, so that no row's length overflows or vanishes.
    """
    unit = np.empty(matrix.shape, np.float32)
    for part in blocks(*matrix.shape):  # what is in between takes as much memory as a block, not as the matrix
        rows = as_floats(matrix[part])
        largest = np.abs(rows).max(axis=1, keepdims=True, initial=0.0)
        scaled = (rows / np.where(largest > 0, largest, 1)).astype(np.float32)
        length = np.linalg.norm(scaled, axis=1, keepdims=True)
        np.divide(scaled, np.where(length > 0, length, 1), out=unit[part], dtype=np.float32)
    return unit


def blocks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Cut rows into slices whose similarities to `n_columns` columns take at most `BLOCK_BYTES`."""
    rows = max(1, BLOCK_BYTES // (4 * max(1, n_columns)))
    for start in range(0, n_rows, rows):
        yield slice(start, min(start + rows, n_rows))


def largest(values: Floats, k: int) -> Ints:
    """Give the columns of the k largest values of each row, largest first, the earlier column first on a tie.

    Parameters
    ----------
    values : (n, m), without NaN
    k : at most m
    """
    if k < values.shape[1]:
        # The k-th value may be shared by columns beyond k: keep the earliest of those, for the same answer always
        kth = np.partition(values, -k, axis=1)[:, -k, None]
        above, level = values > kth, values == kth
        room = k - above.sum(axis=1, keepdims=True)
        keep = above | (level & (level.cumsum(axis=1) <= room))
        columns = np.nonzero(keep)[1].reshape(len(values), k)
    else:
        columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def nearest(rows: Floats, others: Floats, k: int, *, same_from: int | None = None) -> tuple[Ints, Floats]:
    """Find the k most similar of `others` for each of `rows`: exactly, or of more than `EXACT_UP_TO` nearly so.

    Parameters
    ----------
    rows : (n, dim) unit rows
    others : (m, dim) unit rows
    k : at least 1; what is more than there are others is left off
    same_from : `rows` are the `others` from this one on, and none is its own neighbour

    Returns
    -------
    Which others, and their similarity, each (n, k), in no order.
    """
    k = max(0, min(k, len(others) - (same_from is not None)))
    if min(len(rows), len(others)) > EXACT_UP_TO:
        return nearest_in_lists(rows, others, k, same_from)
    index = np.empty((len(rows), k), np.int64)
    similarity = np.empty((len(rows), k), np.float32)
    n_groups = -(-len(others) // GROUP)
    for part in blocks(len(rows), n_groups * GROUP) if k else ():
        block = np.full((part.stop - part.start, n_groups * GROUP), -np.inf, np.float32)
        np.matmul(rows[part], others.T, out=block[:, : len(others)])
        if same_from is not None:
            here = np.arange(len(block))
            block[here, here + part.start + same_from] = -np.inf
        index[part] = _largest_by_groups(block, k)
        similarity[part] = np.take_along_axis(block, index[part], axis=1)
    return index, similarity


def _largest_by_groups(values: Floats, k: int) -> Ints:
    """Give the columns of the k largest values of each row, in no order; (n, m), m a multiple of `GROUP`.

    They lie in the k groups of columns with the largest maxima: maxima are found by vector instructions, so that the
    slow search for the k largest sees few values.
    """
    grouped = values.reshape(len(values), -1, GROUP)
    if k < grouped.shape[1]:
        groups = np.argpartition(-grouped.max(axis=2), k - 1, axis=1)[:, :k]
        grouped = np.take_along_axis(grouped, groups[:, :, None], axis=1)
    else:
        groups = np.broadcast_to(np.arange(grouped.shape[1]), grouped.shape[:2])
    best = np.argpartition(-grouped.reshape(len(values), -1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(groups, best // GROUP, axis=1) * GROUP + best % GROUP

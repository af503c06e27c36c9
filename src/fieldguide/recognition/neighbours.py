"""Cosine similarity by blocks, so that no matrix of queries × gallery is ever held."""

from collections.abc import Iterator

import numpy as np

from fieldguide.arrays import Anything, Floats, Ints

BLOCK_BYTES = 64 << 20  # of one block of similarities: big enough for BLAS, small beside the embeddings


def unit_rows(matrix: Anything) -> Floats:
    """Scale rows to length 1, float32; rows of zeros stay zeros.

    Divided by the largest entry first, so that no row's length overflows or vanishes.
    """
    largest = np.abs(matrix).max(axis=1, keepdims=True, initial=0.0)
    scaled = (matrix / np.where(largest > 0, largest, 1)).astype(np.float32)
    length = np.linalg.norm(scaled, axis=1, keepdims=True)
    return np.divide(scaled, np.where(length > 0, length, 1), dtype=np.float32)


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
    """Find the k most similar of `others` for each of `rows`, exactly, by blocks.

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
    index = np.empty((len(rows), k), np.int64)
    similarity = np.empty((len(rows), k), np.float32)
    for part in blocks(len(rows), len(others)) if k else ():
        block = rows[part] @ others.T
        if same_from is not None:
            here = np.arange(len(block))
            block[here, here + part.start + same_from] = -np.inf
        best = np.argpartition(-block, k - 1, axis=1)[:, :k]
        index[part], similarity[part] = best, np.take_along_axis(block, best, axis=1)
    return index, similarity

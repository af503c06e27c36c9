"""Average linkage on a sparse matrix of similarities, in memory that grows with its entries.

Each round merges all pairs of groups that are each other's closest, which gives the groups that merging one pair at a
time gives, since a merger never brings a third group closer than it was to either.

Source: reciprocal agglomerative clustering, Sumengen et al., Scaling hierarchical agglomerative clustering to
billion-sized datasets, 2021.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from fieldguide.core.arrays import Anything, Ints


def average_linkage(similarity: Any, cuts: Sequence[float], start: Ints | None = None) -> Iterator[Ints]:
    """Group rows: two groups are one where their pairs are at least as similar as the cut on the mean.

    Parameters
    ----------
    similarity : (n, n) CSR, symmetric, no diagonal; what is not there is 0
    cuts : from the largest to the smallest, all above 0
    start : (n,) groups, from 0, that are together from the start; each row by itself unless given

    Yields
    ------
    (n,) the group of each row, from 0, under each of the cuts.
    """
    group = np.arange(similarity.shape[0]) if start is None else start
    size = np.bincount(group).astype(float)
    sums = similarity if start is None else _sums_between(similarity, start, len(size))
    for cut in cuts:
        while (pairs := _closest_pairs(sums, size, cut)) is not None:
            _, merged = connected_components(pairs, directed=False)
            size = np.bincount(merged, size)
            group = merged[group]
            sums = _sums_between(sums, merged, len(size))
        yield group


def _closest_pairs(sums: Any, size: Anything, cut: float) -> Any | None:
    """Give the pairs of groups that are each other's closest and similar enough, as a sparse matrix; None without any.

    Of equally close ones the first is taken: so there is always such a pair as long as one is similar enough.
    """
    rows = np.repeat(np.arange(len(size)), np.diff(sums.indptr))
    mean = sums.data / (size[rows] * size[sums.indices])
    enough = mean >= cut
    if not enough.any():
        return None
    rows, columns, mean = rows[enough], sums.indices[enough], mean[enough]
    order = np.lexsort([columns, -mean, rows])
    rows, columns = rows[order], columns[order]
    first = np.append(True, rows[1:] != rows[:-1])
    closest = np.full(len(size), -1)
    closest[rows[first]] = columns[first]
    one = np.flatnonzero((closest >= 0) & (closest[closest] == np.arange(len(size))))
    return sparse.csr_matrix((np.ones(len(one)), (one, closest[one])), (len(size),) * 2)


def _sums_between(sums: Any, merged: Ints, n: int) -> Any:
    """Add up the similarities between groups, exactly symmetric, without those within groups."""
    entries = sums.tocoo()
    row, column = merged[entries.row], merged[entries.col]
    upper = row < column
    half = sparse.coo_matrix((entries.data[upper], (row[upper], column[upper])), (n, n)).tocsr()
    return (half + half.T).tocsr()

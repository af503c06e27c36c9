"""Which shots of a class are one and the same: copies of a file, and pictures of one burst.

They count as one shot. A hidden shot whose twin stays in the gallery is found at once, and known queries then look far
easier than they are. How alike two shots are that are no twins differs from set to set. But hidden shots are to stand
for queries: where far more shots have a picture of their class that is more alike than nearly any query has in the
gallery, such pictures are twins.
"""

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.neighbours import blocks

RARE = 0.02  # of the queries have a gallery picture that is as alike as twins
# Of the shots that are not the only ones of their class, fewer are given up where none are twins: RARE, and three times
# that where two thirds of the queries are distractors, which have none
OFTEN = 0.075
ENOUGH = 50  # queries; fewer do not show how alike pictures are, and only copies are twins
SAMPLE = 2_000  # queries that are looked at
ROWS_AT_ONCE = 4_096  # of which unit rows are made
COPY = 1 - 1e-6  # cosine of rows that are equal but for rounding


def distinct_shots(
    gallery: CentredRows | Floats, codes: Ints, queries: CentredRows | None = None, seed: int = 0
) -> Ints:
    """Give the rows, in their order, of the first picture of each group of twins.

    Parameters
    ----------
    gallery : n_pictures unit rows
    codes : (n_pictures,) their classes, 0 to n_classes - 1, none missing
    queries : unit rows in the same space; without them, or with few, only copies are twins
    seed : of the sample of queries that is looked at
    """
    copies = _first_of_twins(gallery, codes, np.arange(len(codes)), COPY)
    if queries is None or len(queries) < ENOUGH:
        return copies
    some = queries[np.sort(np.random.default_rng(seed).permutation(len(queries))[:SAMPLE])]
    highest = np.full(len(some), -1, np.float32)
    for part in blocks(len(copies), len(some) + some.shape[1]):
        highest = np.maximum(highest, (some @ gallery[copies[part]].T).max(axis=1))
    rows = _first_of_twins(gallery, codes, copies, min(float(np.quantile(highest, 1 - RARE)), COPY))
    several = (np.bincount(codes[copies]) > 1)[codes[copies]].sum()
    return rows if len(copies) - len(rows) > OFTEN * several else copies


def _first_of_twins(gallery: CentredRows | Floats, codes: Ints, rows: Ints, least_similarity: float) -> Ints:
    """Of some rows, give the first of each group that is linked by such similarity within a class."""
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for several in _whole_classes(codes[rows]):
        shots = gallery[rows[np.concatenate(several)]]
        first = 0
        for own in several:
            alike = shots[first : first + len(own)]
            first += len(own)
            for part in blocks(len(own), len(own)):
                start, end = np.nonzero(alike[part] @ alike.T >= least_similarity)
                starts.append(own[part][start])
                ends.append(own[end])
    links = np.concatenate(starts), np.concatenate(ends)
    graph = coo_matrix((np.ones(len(links[0]), bool), links), (len(rows), len(rows)))
    _, group = connected_components(graph, directed=False)
    return rows[np.sort(np.unique(group, return_index=True)[1])]


def _whole_classes(codes: Ints) -> Iterator[list[Ints]]:
    """Give the places of each class that stands more than once, some classes at a time."""
    order = np.argsort(codes, kind="stable")
    several: list[Ints] = []
    n_rows = 0
    for own in np.split(order, np.cumsum(np.bincount(codes))[:-1]):
        if len(own) > 1:
            several.append(own)
            n_rows += len(own)
        if n_rows >= ROWS_AT_ONCE:
            yield several
            several, n_rows = [], 0
    if several:
        yield several

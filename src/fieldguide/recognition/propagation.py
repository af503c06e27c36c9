"""Labels spread over the neighbour graph of gallery and queries.

Sources: Zhou et al., Learning with local and global consistency, NIPS 2003; edges cosine**3 among the nearest, as in
Iscen et al., Efficient diffusion on region manifolds, CVPR 2017.
"""

from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import nearest

NEIGHBOURS = 10
ALPHA = 0.8  # of a node's mass, what comes from its neighbours
ROUNDS = 12  # 0.8**12 = 0.07 of the mass is still on its way
CLASSES_AT_ONCE = 128


def neighbour_graph(gallery: Floats, queries: Floats) -> Any:
    """Build the graph of gallery, then queries: symmetric, normalised by degree, sparse.

    Parameters
    ----------
    gallery : (n, dim) unit rows
    queries : (m, dim) unit rows

    Returns
    -------
    (n + m, n + m) float32 CSR matrix.
    """
    both = np.concatenate([gallery, queries])
    ends, similarity = nearest(both, both, NEIGHBOURS, same_from=0)
    starts = np.repeat(np.arange(len(both)), ends.shape[1])
    weights = np.maximum(similarity.ravel(), 0) ** 3
    graph = sparse.csr_matrix((weights, (starts, ends.ravel())), (len(both), len(both)))
    graph = graph.maximum(graph.T)
    root = sparse.diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)))
    return (root @ graph @ root).tocsr().astype(np.float32)


def propagate(graph: Any, codes: Ints, keep: int, wanted: Ints) -> tuple[Ints, Floats, Floats]:
    """Spread the gallery's labels; each class goes by itself, so that some of them at a time bound memory.

    Parameters
    ----------
    graph : of n gallery pictures, then m queries
    codes : (n,) classes of the gallery, 0 to n_classes - 1
    keep : how many classes to keep a query, those with the most mass
    wanted : (m, k) classes whose mass is asked for whatever it is

    Returns
    -------
    The classes kept, (m, keep), their mass, and the mass of the wanted, (m, k).
    """
    n, n_nodes = len(codes), graph.shape[0]
    kept = np.zeros((n_nodes - n, 0), np.int64)
    mass = np.zeros((n_nodes - n, 0), np.float32)
    asked = np.zeros(wanted.shape, np.float32)
    for start in range(0, int(codes.max()) + 1, CLASSES_AT_ONCE):
        stop = min(start + CLASSES_AT_ONCE, int(codes.max()) + 1)
        seeds = np.zeros((n_nodes, stop - start), np.float32)
        rows = np.flatnonzero((codes >= start) & (codes < stop))
        seeds[rows, codes[rows] - start] = 1
        spread = diffuse(graph, seeds)[n:]
        query, column = np.nonzero((wanted >= start) & (wanted < stop))
        asked[query, column] = spread[query, wanted[query, column] - start]
        mass = np.concatenate([mass, spread], axis=1)
        kept = np.concatenate([kept, np.broadcast_to(np.arange(start, stop), spread.shape)], axis=1)
        if mass.shape[1] > keep:
            best = np.argpartition(-mass, keep - 1, axis=1)[:, :keep]
            kept, mass = np.take_along_axis(kept, best, axis=1), np.take_along_axis(mass, best, axis=1)
    return kept, mass, asked


def diffuse(graph: Any, seeds: Anything) -> Anything:
    """Let the mass of `seeds` (n_nodes, k) flow along the graph and be renewed at its source."""
    mass = seeds
    for _ in range(ROUNDS):
        mass = np.float32(ALPHA) * (graph @ mass) + np.float32(1 - ALPHA) * seeds
    return mass


def smooth_over(graph: Any, values: Anything) -> Anything:
    """Mix each node's value (n,) half with those around it, keeping mean and spread.

    Distractors come in clusters: a query among distractors is likelier one.
    """
    walk = sparse.diags(1 / np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)) @ graph
    mixed: Anything = (values + diffuse(walk, values)) / 2
    spread = mixed.std()
    scale = values.std() / spread if spread > 0 else 1.0
    return np.asarray((mixed - mixed.mean()) * scale + values.mean())

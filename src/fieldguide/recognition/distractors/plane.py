"""The plane of t-SNE, and how far queries lie from the gallery along the chains of points in it."""

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.machine import cores
from fieldguide.recognition.neighbours import blocks, unit_rows
from fieldguide.recognition.span import Span, is_wide

FEW = 2000  # points; with fewer, threads of t-SNE cost more than they save
ENOUGH = 10  # points; with fewer there is neither a plane of t-SNE nor a curve of distances
NEIGHBOURS = 16  # of each point; chains along the nearest few are those along all
TINY = float(np.finfo(np.float32).eps)


def plane_of(rows: Floats, seed: int) -> Anything:
    """Lay unit rows (n, dim) out in a plane, (n, 2), by t-SNE; those too few, too narrow or all alike stay as they are.

    Source: Poličar et al., openTSNE, 2019.
    """
    if len(rows) < ENOUGH or rows.shape[1] < 3 or np.allclose(rows, rows[0]):
        return rows
    rows = in_span(rows, seed)
    from openTSNE import TSNE

    jobs = cores() if len(rows) > FEW else 1
    perplexity = min(30.0, (len(rows) - 1) / 3)
    return np.asarray(TSNE(perplexity=perplexity, metric="cosine", n_jobs=jobs, random_state=seed).fit(rows))


def in_span(rows: Floats, seed: int) -> Floats:
    """Give rows that are too wide by their coordinates in their span, where distances are the same, or nearly so."""
    if not is_wide(len(rows), rows.shape[1]):
        return rows
    parts = list(blocks(*rows.shape))
    span = Span.of((rows[part] for part in parts), len(rows), seed)
    return unit_rows(np.concatenate([span.coordinates(rows[part]) for part in parts]))


def near_distances(points: Anything) -> csr_matrix:
    """Give the distances above 0 between each of n points and its nearest few, (n, n) sparse and symmetric."""
    from sklearn.neighbors import NearestNeighbors

    k = min(NEIGHBOURS, len(points))
    distance, index = NearestNeighbors(n_neighbors=k, n_jobs=-1).fit(points).kneighbors(points)
    row = np.repeat(np.arange(len(points)), k)
    # scipy takes a distance of 0 for none, so that points on one spot would not be neighbours
    graph = coo_matrix((np.maximum(distance.ravel(), TINY), (row, index.ravel())), (len(points),) * 2).tocsr()
    graph.setdiag(0)
    graph.eliminate_zeros()
    return graph.maximum(graph.T)


def chain_distances(graph: csr_matrix, n_gallery: int) -> Anything:
    """Find the longest step of the chain from each query to the gallery that has the shortest longest step.

    It is the eps from which on single linkage has the query in one cluster with a gallery picture.

    Parameters
    ----------
    graph : (n_gallery + n,)² distances of neighbours
    n_gallery : how many of the points are the gallery's

    Returns
    -------
    (n,) float64; infinite where no chain leads to the gallery.

    Source: Gower & Ross, Minimum spanning trees and single linkage cluster analysis, Applied Statistics 1969.
    """
    n = graph.shape[0]
    root = coo_matrix((np.full(n_gallery, TINY), (np.full(n_gallery, n), np.arange(n_gallery))), (n + 1, n + 1))
    padded = csr_matrix((graph.data, graph.indices, np.append(graph.indptr, graph.nnz)), (n + 1, n + 1))
    tree = minimum_spanning_tree(padded + root.tocsr())
    tree = (tree + tree.T).tocsr()
    order, before = breadth_first_order(tree, n, directed=False)
    longest = np.full(n + 1, np.inf)
    longest[n] = 0
    steps = np.asarray(tree[order[1:], before[order[1:]]]).ravel()
    for node, step in zip(order[1:], steps, strict=True):
        longest[node] = max(longest[before[node]], step)
    return longest[n_gallery:n]

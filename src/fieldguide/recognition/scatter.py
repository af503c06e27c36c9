"""How embeddings of one class scatter: covariances within classes, of near pairs, and of several kinds together."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix, diags

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.neighbours import blocks, nearest


def within_class_scatter(X: Floats, codes: Ints) -> tuple[Floats, int]:
    """Covariance of pictures about their class's mean, and its degrees of freedom: 0 if no class has two pictures.

    Parameters
    ----------
    X : (n, dim)
    codes : (n,) classes, 0 to n_classes - 1
    """
    size = np.bincount(codes)
    several = np.flatnonzero(size[codes] > 1)
    means = class_means(X, codes)
    scatter = np.zeros((X.shape[1],) * 2)
    for part in blocks(len(several), 2 * X.shape[1]):  # of float64
        rows = several[part]
        count = size[codes[rows]]
        # n / (n - 1): the residuals of few pictures are too short, as their mean is their own
        residuals = (X[rows] - means[codes[rows]]) * np.sqrt(count / (count - 1))[:, None]
        scatter += residuals.T @ residuals
    return (scatter / max(len(several), 1)).astype(np.float32), int(len(several) - (size > 1).sum())


def class_means(X: Floats, codes: Ints) -> Floats:
    """Mean of the rows of each class, (n_classes, dim)."""
    size = np.bincount(codes)
    picks = csr_matrix((1 / size[codes].astype(np.float32), (codes, np.arange(len(codes)))), (len(size), len(codes)))
    means: Floats = picks @ X
    return means


def near_pair_scatter(rows: Floats, search_rows: Floats, n_shots: int, k: int = 5) -> Floats:
    """Covariance of half the differences of rows that are near in `search_rows`, without pairs of labelled rows."""
    index, similarity = nearest(search_rows, search_rows, k, same_from=0)
    weight = np.maximum(similarity, 0) ** 3
    weight[:n_shots][index[:n_shots] < n_shots] = 0
    starts = np.repeat(np.arange(len(rows)), index.shape[1])
    pairs = csr_matrix((weight.ravel(), (starts, index.ravel())), (len(rows), len(rows)))
    pairs = pairs + pairs.T
    # The sum of w (a - b)(a - b)' over all pairs is X' (D - W) X: one product instead of one a neighbour
    laplacian = (diags(np.asarray(pairs.sum(axis=1)).ravel()) - pairs).astype(np.float32)
    scatter: Floats = rows.T @ (laplacian @ rows)
    return scatter / np.float32(max(2 * weight.sum(), 1e-12))


def pooled_scatter(parts: Sequence[tuple[Floats, float]], tiny: float) -> tuple[Floats, float]:
    """Give the mean of scatters by their degrees of freedom, each scaled to the size of the first above `tiny`."""
    present = [(scatter, freedom) for scatter, freedom in parts if freedom > 0 and np.trace(scatter) > tiny]
    if not present:
        return parts[0]
    size = np.trace(present[0][0])
    total = sum(freedom for _, freedom in present)
    pooled = np.zeros_like(present[0][0])
    for scatter, freedom in present:
        pooled += scatter * np.float32(freedom / total * size / np.trace(scatter))
    return pooled, total

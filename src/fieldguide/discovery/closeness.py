"""How close pictures lie in a graph: two are close where mass that starts at either ends up on the same others.

Pictures of one class need not be alike pair by pair, so long as each is like some that are like the others; and of two
that are alike by chance the others are not. This is what makes groups better than those by similarity itself.

Source: diffusion on region manifolds, Iscen et al., CVPR 2017; distances between diffusions, Coifman & Lafon, 2006.
"""

from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.recognition.propagation import NODES_AT_ONCE, diffuse_heaviest

PARTNERS = 256  # that a picture is compared with, the closest; those beyond count as not close at all


def closeness(graph: Any) -> Any:
    """Cosine between the diffusions of each two nodes, those that are not close left out.

    Parameters
    ----------
    graph : (n, n) sparse, symmetric, weights not negative

    Returns
    -------
    (n, n) float64 CSR matrix, symmetric, without its diagonal; memory grows with n alone.
    """
    n = graph.shape[0]
    root = sparse.diags(1 / np.sqrt(np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1e-9)))
    flow = (root @ graph @ root).tocsr().astype(np.float32)
    profiles = diffuse_heaviest(flow, sparse.identity(n, np.float32, format="csr"))
    length = np.sqrt(np.asarray(profiles.multiply(profiles).sum(axis=1)).ravel())
    profiles = sparse.diags(1 / length) @ profiles
    turned = profiles.T.tocsr()
    parts = [_closest(profiles[start : start + NODES_AT_ONCE] @ turned, start) for start in range(0, n, NODES_AT_ONCE)]
    close = sparse.vstack(parts, format="csr").astype(np.float64)
    return close.maximum(close.T).tocsr()


def _closest(close: Any, start: int) -> Any:
    """Keep the `PARTNERS` largest entries of each row and those that tie with the last, but none of a node itself."""
    rows = np.repeat(np.arange(close.shape[0]), np.diff(close.indptr))
    kept = close.indices != rows + start
    for row in np.flatnonzero(np.diff(close.indptr) > PARTNERS + 1):
        own = slice(close.indptr[row], close.indptr[row + 1])
        kept[own] &= close.data[own] >= np.partition(close.data[own], -PARTNERS - 1)[-PARTNERS - 1]
    ends = np.append(0, np.cumsum(np.bincount(rows[kept], minlength=close.shape[0])))
    return sparse.csr_matrix((close.data[kept], close.indices[kept], ends), close.shape)

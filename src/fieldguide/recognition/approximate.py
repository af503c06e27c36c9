"""Nearest neighbours among very many rows: k-means sorts the rows into lists, and only the nearest lists are searched.

Sources: the inverted file, Sivic & Zisserman, Video Google, ICCV 2003; FAISS, Douze et al., The Faiss library, 2024.
"""

import numpy as np

from fieldguide.core.arrays import Floats, Ints

ROWS_A_LIST = 100
LISTS_SEARCHED = 32  # recall@10 above 0.98 on embeddings of pictures; docs/performance.md has it measured
TRAINED_ON = 20  # rows a list; more of them, or more rounds, did not raise the recall
TRAINING_ROUNDS = 6
AT_ONCE = 16_384  # rows searched in one call


def nearest_in_lists(rows: Floats, others: Floats, k: int, same_from: int | None) -> tuple[Ints, Floats]:
    """Find nearly always the k most similar of `others` for each of `rows`; as `neighbours.nearest`, which see.

    The lists hold float16, half of what `others` take. Training has a seed of its own, and no result depends on how
    threads share the work.
    """
    import faiss

    dim = others.shape[1]
    n_lists = max(1, len(others) // ROWS_A_LIST)
    half = faiss.ScalarQuantizer.QT_fp16
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dim), dim, n_lists, half, faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.spherical = TRAINING_ROUNDS, True
    index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 1, TRAINED_ON
    index.train(others)
    index.add(others)
    index.nprobe = LISTS_SEARCHED
    found = np.empty((len(rows), k), np.int64)
    similarity = np.empty((len(rows), k), np.float32)
    for start in range(0, len(rows), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        near, which = index.search(rows[part], k + (same_from is not None))
        if same_from is not None:
            own = np.arange(start, start + len(which)) + same_from
            itself = which == own[:, None]
            itself[:, -1] |= ~itself.any(axis=1)  # of many alike it may not be found: then the farthest goes
            which, near = which[~itself].reshape(-1, k), near[~itself].reshape(-1, k)
        # Lists that are nearly empty may hold fewer than k: the rest are neighbours without weight
        found[part], similarity[part] = np.maximum(which, 0), np.where(which < 0, -1, near)
    return found, similarity

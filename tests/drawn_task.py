"""Classes and distractors whose embeddings are drawn, for any recognizer."""

import numpy as np

from fieldguide.recognition import UNKNOWN


def task(*, shots=3, classes=30, distractor_classes=15, each=12, noise=0.9, seed=0):
    """Give a gallery, its labels, queries and the truth: classes are directions, one axis of noise outshines them.

    `shots` is a number, or one a class.
    """
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes + distractor_classes, 32))

    def pictures(code, n):
        rows = centres[code] + noise * rng.normal(size=(n, 32))
        return np.hstack([rows, 6 * rng.normal(size=(n, 2))])  # light, say: it tells nothing of the class

    numbers = np.broadcast_to(shots, classes)
    gallery = np.concatenate([pictures(code, numbers[code]) for code in range(classes)])
    labels = np.repeat([f"class {code:02}" for code in range(classes)], numbers)
    codes = np.repeat(np.arange(classes + distractor_classes), each)
    queries = np.concatenate([pictures(code, each) for code in range(classes + distractor_classes)])
    order = rng.permutation(len(codes))
    truth = np.where(codes < classes, codes, UNKNOWN)[order]
    return gallery, labels, queries[order], truth


def average_precision(ranking, truth, k=5):
    """Give the mean over the queries of one over the place of the right answer."""
    hits = ranking.codes[:, :k] == truth[:, None]
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean()

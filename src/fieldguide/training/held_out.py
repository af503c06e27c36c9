"""Classes that training did not see decide how long to train, and whether at all."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition import TransductiveClassifier
from fieldguide.recognition.neighbours import blocks, unit_rows

MAX_RANK = 5  # as in mAP@5
TIED = 1e-6  # cosine similarities that differ by less do so by rounding

_SUMS = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, MAX_RANK + 1))])  # of 1/rank over the first ranks


@dataclass(frozen=True)
class Fold:
    """One split of the gallery by class.

    Attributes
    ----------
    train_rows : rows to learn from
    heldout_rows : rows of other classes, each with another picture of its class, to evaluate on
    """

    train_rows: Ints
    heldout_rows: Ints


def class_folds(codes: Ints, n_folds: int, seed: int) -> list[Fold]:
    """Split classes into parts, each held out once; only classes of two pictures or more are held out.

    Of one fold a quarter of the classes is held out. Gives none where fewer than three classes have two pictures.

    Parameters
    ----------
    codes : (n,) the class of each gallery picture, from 0
    n_folds : how many
    seed : of the split
    """
    size = np.bincount(codes)
    several = np.random.default_rng(seed).permutation(np.flatnonzero(size > 1))
    folds = []
    n_parts = min(n_folds if n_folds > 1 else 4, len(several))
    for part in np.array_split(several, n_parts) if len(several) > 2 else ():
        heldout = np.isin(codes, part)
        folds.append(Fold(np.flatnonzero(~heldout), np.flatnonzero(heldout)))
    return folds[:n_folds]


def unlabelled_folds(codes: Ints) -> list[Fold]:
    """Give the one fold of training without labels, to which all classes are unseen: every row is in both parts."""
    heldout_rows = np.flatnonzero(np.bincount(codes)[codes] > 1)
    return [Fold(np.arange(len(codes)), heldout_rows)] if len(heldout_rows) else []


def cosine_points(embeddings: Floats, codes: Ints, heldout_rows: Ints) -> Anything:
    """Identify some gallery pictures by their similarity to all others: 1/rank of their class, 0 beyond 5.

    Classes that tie stand in every order alike, so that an embedding that has collapsed scores what guesses do; rows
    that are no finite numbers name nothing.

    Parameters
    ----------
    embeddings : (n, dim) of the gallery
    codes : (n,) classes
    heldout_rows : (m,) rows to identify, each with another picture of its class

    Returns
    -------
    (m,) float64; the mean is mAP@5 by plain cosine similarity.
    """
    broken: Flags = np.asarray(~np.isfinite(embeddings).all(axis=1))
    order = np.argsort(codes, kind="stable")
    unit = unit_rows(np.where(broken[:, None], 0, embeddings))
    by_class = unit[order]
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    points = np.zeros(len(heldout_rows))
    for part in blocks(len(heldout_rows), len(by_class)):
        rows = heldout_rows[part]
        similarity = unit[rows] @ by_class.T
        similarity[np.arange(len(rows)), place[rows]] = -np.inf
        to_classes = np.maximum.reduceat(similarity, starts, axis=1)
        own = to_classes[np.arange(len(rows)), codes[rows]]
        above = (to_classes > own[:, None] + TIED).sum(axis=1)
        tied = (np.abs(to_classes - own[:, None]) <= TIED).sum(axis=1)  # its own class is one of them
        # The mean of 1/rank over the ranks from above + 1 to above + tied, as far as they count
        points[part] = (_SUMS[np.minimum(above + tied, MAX_RANK)] - _SUMS[np.minimum(above, MAX_RANK)]) / tied
    points[broken[heldout_rows]] = 0
    return points


def recognizer_points(
    gallery_embeddings: Floats, query_embeddings: Floats | None, codes: Ints, heldout_rows: Ints, seed: int
) -> Anything:
    """Identify some gallery pictures, among the queries, by the default recognizer: 1 where it is right, else 0.

    One picture of each class is a query at a time, all others of all classes are the gallery.

    Parameters
    ----------
    gallery_embeddings, query_embeddings : (n, dim) and (m, dim); queries help, and are not scored
    codes, heldout_rows : as in `cosine_points`
    seed : of the recognizer
    """
    points = np.zeros(len(heldout_rows))
    queries = gallery_embeddings[:0] if query_embeddings is None else query_embeddings
    if not np.isfinite(gallery_embeddings).all() or not np.isfinite(queries).all():
        return points  # a network whose training diverged names nothing
    turn = np.zeros(len(heldout_rows), np.int64)
    for code in np.unique(codes[heldout_rows]):
        turn[codes[heldout_rows] == code] = np.arange((codes[heldout_rows] == code).sum())
    for now in range(turn.max() + 1):
        hidden = heldout_rows[turn == now]
        others = np.setdiff1d(np.arange(len(codes)), hidden)
        recognizer = TransductiveClassifier(seed=seed).fit(gallery_embeddings[others], codes[others])
        named = recognizer.predict(np.concatenate([gallery_embeddings[hidden], queries]))[: len(hidden)]
        points[turn == now] = named == codes[hidden]
    return points


def better(points: Anything, frozen: Anything) -> bool:
    """Whether points (m,) beat those of the frozen embedding on the same pictures by more than their standard error."""
    gain = points - frozen
    return bool(gain.mean() > gain.std() / np.sqrt(len(gain)))

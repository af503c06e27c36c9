"""Classes that training did not see decide how long to train, and whether at all."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition import TransductiveClassifier
from fieldguide.recognition.neighbours import blocks, unit_rows

DEEPEST = 5  # as in mAP@5
TIED = 1e-6  # cosine similarities that differ by less do so by rounding

_SUMS = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, DEEPEST + 1))])  # of 1/rank over the first ranks


@dataclass(frozen=True)
class Fold:
    """One cut of the gallery: rows to learn from, and rows of other classes to ask about."""

    learn: Ints
    ask: Ints


def folds(codes: Ints, n_folds: int, seed: int) -> list[Fold]:
    """Cut classes into parts, each held out once; only pictures with another of their class are asked about.

    Of one fold a quarter of the classes is held out. Gives none where fewer than three classes have two pictures.
    """
    size = np.bincount(codes)
    several = np.random.default_rng(seed).permutation(np.flatnonzero(size > 1))
    cuts = []
    n_parts = min(n_folds if n_folds > 1 else 4, len(several))
    for part in np.array_split(several, n_parts) if len(several) > 2 else ():
        held = np.isin(codes, part)
        cuts.append(Fold(np.flatnonzero(~held), np.flatnonzero(held)))
    return cuts[:n_folds]


def everything(codes: Ints) -> list[Fold]:
    """The one cut for training without labels: all classes are unseen."""
    ask = np.flatnonzero(np.bincount(codes)[codes] > 1)
    return [Fold(np.arange(len(codes)), ask)] if len(ask) else []


def retrieval(rows: Floats, codes: Ints, ask: Ints) -> Anything:
    """Ask some gallery pictures as if they were queries, each against all others: 1/rank of its class, 0 beyond 5.

    Classes that tie stand in every order alike, so that an embedding that has collapsed scores what guesses do; rows
    that are no finite numbers name nothing.

    Parameters
    ----------
    rows : (n, dim) embeddings of the gallery
    codes : (n,) classes
    ask : (m,) rows, each with another of its class

    Returns
    -------
    (m,) float64; the mean is mAP@5 by plain cosine similarity.
    """
    broken: Flags = np.asarray(~np.isfinite(rows).all(axis=1))
    order = np.argsort(codes, kind="stable")
    unit = unit_rows(np.where(broken[:, None], 0, rows))
    shots = unit[order]
    starts = np.searchsorted(codes[order], np.arange(codes.max() + 1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    points = np.zeros(len(ask))
    for part in blocks(len(ask), len(shots)):
        asked = ask[part]
        similarity = unit[asked] @ shots.T
        similarity[np.arange(len(asked)), place[asked]] = -np.inf
        to_classes = np.maximum.reduceat(similarity, starts, axis=1)
        own = to_classes[np.arange(len(asked)), codes[asked]]
        above = (to_classes > own[:, None] + TIED).sum(axis=1)
        tied = (np.abs(to_classes - own[:, None]) <= TIED).sum(axis=1)  # its own class is one of them
        # The mean of 1/rank over the ranks from above + 1 to above + tied, as far as they count
        points[part] = (_SUMS[np.minimum(above + tied, DEEPEST)] - _SUMS[np.minimum(above, DEEPEST)]) / tied
    points[broken[ask]] = 0
    return points


def recognised(rows: Floats, queries: Floats | None, codes: Ints, ask: Ints, seed: int) -> Anything:
    """Ask some gallery pictures of the default recognizer, among the queries: 1 where it names their class, else 0.

    One shot of each class is hidden at a time, all others of all classes are shown.

    Parameters
    ----------
    rows, queries : (n, dim) and (m, dim) embeddings; queries help, and are not scored
    codes, ask : as in `retrieval`
    seed : of the recognizer
    """
    points = np.zeros(len(ask))
    if not np.isfinite(rows).all() or (queries is not None and not np.isfinite(queries).all()):
        return points  # a network that lost itself names nothing
    turn = np.zeros(len(ask), np.int64)
    for code in np.unique(codes[ask]):
        turn[codes[ask] == code] = np.arange((codes[ask] == code).sum())
    others = rows[:0] if queries is None else queries
    for now in range(turn.max() + 1):
        hidden = ask[turn == now]
        shown = np.setdiff1d(np.arange(len(codes)), hidden)
        recognizer = TransductiveClassifier(seed=seed).fit(rows[shown], codes[shown])
        named = recognizer.predict(np.concatenate([rows[hidden], others]))[: len(hidden)]
        points[turn == now] = named == codes[hidden]
    return points


def better(points: Anything, frozen: Anything) -> bool:
    """Whether points (m,) beat those of the frozen embedding on the same pictures by more than their standard error."""
    gain = points - frozen
    return bool(gain.mean() > gain.std() / np.sqrt(len(gain)))

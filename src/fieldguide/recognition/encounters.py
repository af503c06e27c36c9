"""One answer for all pictures of an encounter: the mean of what is said of each."""

from dataclasses import replace

import numpy as np

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Ranking

ENOUGH = 24  # answers a query that are looked at: more than the default recognizer has candidates


def answered_by_encounter(ranking: Ranking, encounters: Ints, k: int) -> Ranking:
    """Give all queries of an encounter the same answer: labels by the mean of their probabilities.

    The pictures of an encounter are not independent: by the product of probabilities, the rule for independent ones, or
    by its root, answers are as right, and far too sure. `docs/records.md` has the figures. Similarity and nearest
    picture are those of the query that is most similar to one of the class. What was expected of the answers one by
    one is left out.

    Parameters
    ----------
    ranking : of n queries, with probabilities, and more than k answers each where there are more
    encounters : (n,) the number of each query's
    k : labels a query, at most
    """
    order = np.argsort(encounters, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(encounters[order])) + 1)
    parts = [_one(ranking, rows, k) for rows in groups if len(rows)]
    n = len(ranking)
    found = replace(
        ranking,
        codes=np.full((n, k), NOTHING),
        similarity=np.full((n, k), np.nan, np.float32),
        nearest=np.full((n, k), -1),
        probability=np.full((n, k), np.nan, np.float32),
        distractor_score=ranking.distractor_score.copy(),
        unknown_probability=None if ranking.unknown_probability is None else ranking.unknown_probability.copy(),
        expected=None,
    )
    for rows, (codes, probability, similarity, nearest) in zip(groups, parts, strict=False):
        places = np.ix_(rows, np.arange(len(codes)))
        found.codes[places], found.probability[places] = codes, probability
        found.similarity[places], found.nearest[places] = similarity, nearest
        found.distractor_score[rows] = ranking.distractor_score[rows].mean()
        if found.unknown_probability is not None:
            found.unknown_probability[rows] = found.unknown_probability[rows].mean()
    return found


def _one(ranking: Ranking, rows: Ints, k: int) -> tuple[Ints, Floats, Floats, Ints]:
    """Give codes, probabilities, similarities and nearest pictures of the answer to one encounter."""
    codes, probability = ranking.codes[rows], np.nan_to_num(ranking.probability[rows].astype(np.float64))
    similarity, nearest = ranking.similarity[rows], ranking.nearest[rows]
    labels, place = np.unique(codes, return_inverse=True)
    total = np.bincount(place.reshape(-1), weights=probability.reshape(-1), minlength=len(labels)) / len(rows)
    if ranking.unknown_probability is not None and UNKNOWN in labels:
        total[labels == UNKNOWN] = ranking.unknown_probability[rows].mean()
    total[labels == NOTHING] = -1
    best = np.argsort(-total, kind="stable")[:k]
    best = best[labels[best] != NOTHING]
    likeness = np.where(np.isnan(similarity), -np.inf, similarity).reshape(-1)
    found = np.array([np.where(place.reshape(-1) == one, likeness, -np.inf).argmax() for one in best], np.int64)
    return labels[best], total[best], similarity.reshape(-1)[found], nearest.reshape(-1)[found]

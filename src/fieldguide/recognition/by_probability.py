"""The order of answers: labels and the unknown one by probability, which has the highest expected mAP@k."""

import numpy as np

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import blocks, unit_rows
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Ranking
from fieldguide.recognition.shots import Shots


def rank_by_probability(
    shots: Shots, classes: Anything, queries: Floats, candidates: Ints, given_known: Anything, known: Anything, k: int
) -> Ranking:
    """Sort the candidates of each query, and the unknown label unless every query is surely known.

    Parameters
    ----------
    shots : the gallery, to look up the nearest picture of each answer
    classes : (n_classes,) the labels
    queries : (n, dim) embeddings
    candidates : (n, m) codes of classes, -1 where there is none
    given_known : (n, m) their probabilities, given that the query is known
    known : (n,) the probability of that
    k : how many answers
    """
    n, m = candidates.shape
    last = UNKNOWN if (known < 1).any() else NOTHING
    codes = np.concatenate([np.where(candidates < 0, NOTHING, candidates), np.full((n, 1), last)], axis=1)
    probability = np.concatenate([given_known * known[:, None], 1 - known[:, None]], axis=1)
    order = np.argsort(-np.where(codes == NOTHING, -1, probability), axis=1, kind="stable")[:, :k]
    order = np.pad(order, ((0, 0), (0, k - order.shape[1])), constant_values=-1)
    codes, probability = np.take_along_axis(codes, order, axis=1), np.take_along_axis(probability, order, axis=1)
    codes[:, m + 1 :] = NOTHING
    nearest, similarity = np.empty(codes.shape, np.int64), np.empty(codes.shape, np.float32)
    for part in blocks(*queries.shape):
        nearest[part], similarity[part] = shots.nearest(unit_rows(queries[part]), np.maximum(codes[part], 0))
    return Ranking(
        classes=classes,
        codes=codes,
        similarity=np.where(codes < 0, np.float32(np.nan), similarity),
        nearest=np.where(codes < 0, -1, nearest),
        distractor_score=(1 - known).astype(np.float32),
        probability=np.where(codes == NOTHING, np.nan, probability).astype(np.float32),
        unknown_probability=(1 - known).astype(np.float32),
    )

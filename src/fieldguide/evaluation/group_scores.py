"""The scores of new classes, each with a bootstrap interval: as generalized category discovery and AnimalCLEF count."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.evaluation.bootstrap import Count, Score, bootstrap, mean, share
from fieldguide.evaluation.grouping import Agreement, balanced_share


def score_groups(
    first: Sequence[str],
    groups: Sequence[str | None],
    true: Sequence[str],
    classes: Sequence[str],
    unknown: str,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Score]:
    """Score what is answered as a partition of the queries: known classes, new classes, and queries that are alone.

    Parameters
    ----------
    first : (n,) the first label of each query, the unknown one included
    groups : (n,) its new class, None where it is in none
    true : (n,) its true label, `unknown` for distractors
    classes : (n,) the true class of each distractor, `unknown` where it is not known; these are left out
    resamples, seed : of the bootstrap

    Returns
    -------
    Adjusted Rand index over all queries (AnimalCLEF 2026) and over distractors, whose normalised mutual information and
    pairs come next; clustering accuracy of all, of known and of new (Vaze et al., Generalized category discovery, CVPR
    2022), the best assignment of groups to classes taken once, over all; balanced accuracy of known and of unknown
    samples (BAKS, BAUS, AnimalCLEF 2025); and the clicks that it takes to make all labels right: one for a wrong name,
    one to name a group, one for each picture that is not of its group's majority. None of these where distractors are
    not of two classes at least: then nothing says which belong together.
    """
    counted_in = [label != unknown or own != unknown for label, own in zip(true, classes, strict=True)]
    rows = np.flatnonzero(counted_in).tolist()
    if len({classes[row] for row in rows if true[row] == unknown}) < 2:
        return []
    named = np.array([first[row] != unknown for row in rows])
    new = np.array([true[row] == unknown for row in rows])
    own = [("new", classes[row]) if true[row] == unknown else ("known", true[row]) for row in rows]
    found = [
        ("known", first[row]) if first[row] != unknown else ("group", groups[row] or f"alone {row}") for row in rows
    ]
    codes = {key: code for code, key in enumerate(sorted({*own, *found}))}
    every = Agreement(np.array([codes[key] for key in own]), np.array([codes[key] for key in found]))
    of_new = Agreement(every.true[new], every.found[new])
    right = every.true == every.found
    clicks = every.clicks(named)
    counted: dict[str, Callable[[Anything], float]] = {
        "ARI": every.adjusted_rand_index,
        "ARI, new": lambda weight: of_new.adjusted_rand_index(weight[new]),
        "NMI, new": lambda weight: of_new.normalized_mutual_information(weight[new]),
        "pair precision, new": lambda weight: of_new.pair_precision(weight[new]),
        "pair recall, new": lambda weight: of_new.pair_recall(weight[new]),
        "accuracy": partial(share, every.matched, np.ones(len(rows), bool)),
        "accuracy, known": partial(share, every.matched, ~new),
        "accuracy, new": partial(share, every.matched, new),
        "BAKS": partial(balanced_share, right, every.true, ~new),
        "BAUS": partial(balanced_share, ~named, every.true, new),
        "clicks a query": partial(mean, clicks),
    }
    count = Count(round(clicks.sum()), len(rows), "queries")
    return bootstrap(counted, len(rows), {"clicks a query": count}, resamples=resamples, seed=seed)

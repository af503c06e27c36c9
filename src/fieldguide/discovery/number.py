"""How many new classes there are: as many as groups, were these right; so many fewer or more as other cuts make them.

A group counts as much as its members are probably distractors, since rejected queries of known classes make groups too.
Distractors that were named are in no group; they are taken to be of as many classes, for their number, as others.
"""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.ranking import Ranking

# Groups under these cuts, times the learned one, are the most and the fewest: found on 40 cuts of photographs and of
# emoji, of which the interval covers 37, see docs/discovery.md
FINER, COARSER = 1.4, 0.35
HIGHEST_CUT = 0.97  # no pictures but copies are closer


@dataclass(frozen=True)
class NumberOfClasses:
    """How many new classes there seem to be, and a 90% interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"about {self.value:,.0f} (90% interval {self.low:,.0f} to {self.high:,.0f})"


def cuts_about(cut: float) -> list[float]:
    """Give the cuts that `estimate_number` takes groups of, the finest first."""
    return [min(HIGHEST_CUT, cut * factor) for factor in (FINER, 1, COARSER)]


def estimate_number(ranking: Ranking, rows: Ints, partitions: list[Ints]) -> NumberOfClasses | None:
    """Estimate how many classes distractors are of; None where the recognizer gives no probabilities.

    Parameters
    ----------
    ranking : of all queries
    rows : (m,) those in groups
    partitions : (m,) groups, from 0, under each of the cuts of `cuts_about`
    """
    if ranking.unknown_probability is None or np.isnan(ranking.contamination):
        return None
    n, unknown = len(ranking), ranking.unknown_probability[rows].astype(np.float64)
    in_groups = float(unknown.sum())
    share = ranking.contamination
    least, most = (n * end for end in ranking.contamination_interval or (share, share))
    finest, learned, coarsest = (_groups(group, unknown) for group in partitions)

    def with_named(groups: float, distractors: float) -> float:
        per_distractor = groups / in_groups if in_groups else 1.0
        return groups + per_distractor * max(0.0, distractors - in_groups)

    # in the middle, as the learned cut rather makes two groups of a class than one of two classes
    value = min(float(np.sqrt(coarsest * with_named(learned, n * share))) if in_groups else n * share, n * share)
    low = 0.0 if least < 1 else min(coarsest, value)
    return NumberOfClasses(value, float(np.floor(low)), float(np.ceil(max(with_named(finest, most), value))))


def _groups(group: Ints, unknown: Anything) -> float:
    """Count groups, each as much as its members are probably distractors."""
    return float((np.bincount(group, unknown) / np.bincount(group)).sum()) if len(group) else 0.0

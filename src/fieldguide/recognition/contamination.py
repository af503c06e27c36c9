"""How many of the queries are distractors: their scores as a mixture of two kinds known from episodes.

Two estimators err in different ways, and their mean is taken: the likeliest mixture over all scores, and the counts of
high scores, where a distractor model that is off matters least. An episode that holds out classes makes distractors of
their queries too; their number is subtracted.
"""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Ints

BINS = 16
RESAMPLES = 60
PRIOR, PRIOR_SPREAD = 0.3, 0.3  # mean and standard deviation before any query is known: about those of any share
PRIOR_QUERIES = 10.0  # queries that the prior is worth where no variance is known
OVERLAP = 0.3  # where classes have one shot; held-out classes have a part in it
UPPER = (0.2, 0.7)  # high scores are those above which this share of the known lies


@dataclass(frozen=True)
class Scores:
    """Scores of one kind of pictures, higher for what looks known.

    Attributes
    ----------
    values : (n,) scores
    groups : (n,) code of the class that each belongs to, or seems to: pictures of one class are alike
    weight : (n,) how much each counts
    """

    values: Anything
    groups: Ints
    weight: Anything

    def heights(self, edges: Anything, groups: Ints) -> Anything:
        """Histogram (n_bins,) between `edges` with each group as often as it stands in `groups`; no bin is empty."""
        times = np.bincount(groups, minlength=int(self.groups.max(initial=0)) + 1)[self.groups]
        weight = self.weight / self.weight.mean() * times
        counts = np.bincount(np.digitize(self.values, edges), weight, minlength=len(edges) + 1) + 0.5
        heights: Anything = counts / counts.sum()
        return heights


@dataclass(frozen=True)
class Mixture:
    """Scores of examples and of queries, from which the share of distractors is estimated.

    Attributes
    ----------
    known, distractors : scores of examples of the two kinds
    queries : scores of the real queries
    in_heldout_class : (n_queries,) which of them seem to be of a class that the episode holds out
    """

    known: Scores
    distractors: Scores
    queries: Scores
    in_heldout_class: Flags

    def share(self, rng: np.random.Generator | None = None) -> float:
        """Estimate the share; with `rng` of a bootstrap that draws whole classes, as pictures of one are alike."""
        both = np.concatenate([self.known.values, self.distractors.values])
        edges = np.quantile(both, np.linspace(0, 1, BINS + 1)[1:-1])
        kinds = (self.known, self.distractors, self.queries)
        drawn = [_groups(kind, rng) for kind in kinds]
        known, distractors, queries = (kind.heights(edges, groups) for kind, groups in zip(kinds, drawn, strict=True))
        heldout = float(self.in_heldout_class.mean())
        return max(0.0, (_share(known, distractors, queries) - heldout) / max(1 - heldout, 0.01))


def estimate(mixture: Mixture, n_queries: int, seed: int) -> tuple[float, tuple[float, float]]:
    """Estimate the share of distractors among `n_queries`, and its 90% interval.

    The weight of the prior follows from the estimate's variance under a bootstrap that draws whole classes.
    """
    rng = np.random.default_rng(seed)
    drawn = np.array([mixture.share(rng) for _ in range(RESAMPLES)])
    chance = 0.25 / (n_queries + 1)  # at most the variance of a share of so many
    drawn += np.sqrt(chance) * rng.normal(size=RESAMPLES)
    weight = PRIOR_SPREAD**2 / (PRIOR_SPREAD**2 + drawn.var())
    share, *ends = weight * np.array([mixture.share(), *np.quantile(drawn, [0.05, 0.95])]) + (1 - weight) * PRIOR
    low, high = np.clip(ends, 0, 1)
    return float(share), (float(min(low, share)), float(max(high, share)))


def estimate_without_known(
    distractors: Anything, queries: Anything, n_queries: int
) -> tuple[float, tuple[float, float]]:
    """Estimate the same where no known picture can serve as an example, from scores (n,) of the two kinds.

    Below a low score lie all kinds of distractors, and known queries whose class's one shot is unlike them: the ratio
    of the queries' share to the distractors' is that of the distractors and `OVERLAP` of the rest. As that differs
    from set to set, the prior has half the weight.
    """
    levels = np.quantile(distractors, np.linspace(0.1, 0.6, 11))
    ratios = [(queries <= level).mean() / (distractors <= level).mean() for level in levels]
    share = float(np.clip((np.median(ratios) - OVERLAP) / (1 - OVERLAP), 0, 1))
    share = (share + PRIOR) / 2
    share = towards_prior(share, n_queries)
    return share, (max(0.0, share - 0.3), min(1.0, share + 0.3))


def towards_prior(share: float, n_queries: int) -> float:
    """Draw an estimate to the prior, the more the fewer queries there are."""
    return (share * n_queries + PRIOR * PRIOR_QUERIES) / (n_queries + PRIOR_QUERIES)


def _groups(scores: Scores, rng: np.random.Generator | None) -> Ints:
    present: Ints = np.unique(scores.groups)
    return present if rng is None else rng.choice(present, len(present))


def _share(known: Anything, distractors: Anything, queries: Anything) -> float:
    """Take the mean of the two estimators, given three histograms (n_bins,), low scores first."""
    return (_by_likelihood(known, distractors, queries) + _by_high_scores(known, distractors, queries)) / 2


def _by_likelihood(known: Anything, distractors: Anything, queries: Anything) -> float:
    """Find the likeliest share by EM; Saerens, Latinne & Decaestecker, Neural Computation 2002."""
    share = PRIOR
    for _ in range(200):
        share = float((queries * share * distractors / (share * distractors + (1 - share) * known)).sum())
    return share


def _by_high_scores(known: Anything, distractors: Anything, queries: Anything) -> float:
    """Solve for the share at each of the high thresholds, and take the median; Forman, Data Mining 2008 (sweep)."""
    above = [np.cumsum(heights[::-1])[:-1] for heights in (known, distractors, queries)]
    high: Flags = (above[0] >= UPPER[0]) & (above[0] <= UPPER[1])
    if not np.any(high):
        high = np.arange(BINS - 1) == np.abs(above[0] - np.mean(UPPER)).argmin()
    ratios = (above[0] - above[2]) / np.maximum(above[0] - above[1], 0.05)
    return float(np.clip(np.median(ratios[high]), 0, 1))

"""How many of the queries are distractors: what can be known of the share, as a distribution over all shares.

The scores of queries are a mixture of two kinds, known and distractors, of which episodes give examples. Where the
two kinds score alike, the mixture looks the same whatever the share; then nothing is learned, and the distribution
stays what it was before any query was seen. Everything after it works with the distribution, not with one value of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy import stats

from fieldguide.core.arrays import Anything, Ints

SHARES = np.linspace(0, 1, 101)
# Before any query is seen: any share is possible, large ones less likely, as people collect pictures of what they know.
# Beta(1, 2) has the mean 1/3
PRIOR = (1.0, 2.0)
RESAMPLES = 300
HIGH = (0.3, 0.8)  # of the known score lower; high scores are those in between, where few distractors are
# How far the examples of a kind may score beside the queries of that kind, in standard deviations of a kind: hidden
# shots are gallery pictures, and gallery pictures are not chosen as queries are
MISMATCH = 0.05
SURE = 1e-6  # variance below which no residual is taken to be exact


@dataclass(frozen=True, eq=False)
class SharePosterior:
    """A distribution over the share of distractors.

    Attributes
    ----------
    density : (101,) the probability of each of `SHARES`; sums to 1
    """

    density: Anything

    @classmethod
    def of(cls, log_likelihood: Anything | None = None) -> Self:
        """Take the prior, and the log likelihood of each of `SHARES`, (101,), if there is one."""
        log_density = stats.beta.logpdf(np.clip(SHARES, 0.005, 0.995), *PRIOR)
        if log_likelihood is not None:
            log_density = log_density + log_likelihood
        density = np.exp(log_density - log_density.max())
        return cls(density / density.sum())

    @cached_property
    def mean(self) -> float:
        """The share to expect."""
        return float(self.density @ SHARES)

    def interval(self, mass: float = 0.9) -> tuple[float, float]:
        """Give the ends of the shortest interval that has so much of the probability."""
        order = np.argsort(-self.density, kind="stable")
        inside = SHARES[order[: np.searchsorted(np.cumsum(self.density[order]), mass) + 1]]
        return float(inside.min()), float(inside.max())

    def quantiles(self, n: int) -> Anything:
        """Give n shares, each the middle of an nth part of the probability."""
        return np.interp((np.arange(n) + 0.5) / n, np.cumsum(self.density), SHARES)


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

    @property
    def spread(self) -> float:
        """Their standard deviation."""
        mean = np.average(self.values, weights=self.weight)
        return float(np.sqrt(np.average((self.values - mean) ** 2, weights=self.weight)))

    def cumulative(self) -> Callable[[Anything], Anything]:
        """Give the function that says which share of these scores is lower, interpolated."""
        order = np.argsort(self.values, kind="stable")
        weight = self.weight[order] / self.weight.sum()
        values, below = self.values[order], np.cumsum(weight) - weight / 2
        return lambda scores: np.interp(scores, values, below, left=0, right=1)

    def means(
        self, statistic: Callable[[Anything], Anything], mismatch: float, rng: np.random.Generator
    ) -> tuple[float, Anything]:
        """Give the mean of a statistic, and (n_resamples,) draws of it.

        Whole classes are drawn, as pictures of one stand or fall together; and all scores are moved together, by a
        normal deviate whose standard deviation is `mismatch`.
        """
        present, groups = np.unique(self.groups, return_inverse=True)
        n = len(present)
        value = statistic(self.values)
        weight = np.bincount(groups, self.weight, minlength=n)
        total = np.bincount(groups, self.weight * value, minlength=n)
        times = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        mean = float(total.sum() / weight.sum())
        drawn = (times @ total) / np.maximum(times @ weight, 1e-12)
        drawn = mean + (drawn - mean) * np.sqrt(n / max(n - 1, 1))
        if mismatch > 0:
            higher, lower = (statistic(self.values + sign * mismatch) for sign in (1, -1))
            slope = (self.weight @ (higher - lower)) / (2 * self.weight.sum())
            drawn = drawn + slope * rng.normal(size=RESAMPLES)
        return mean, drawn


def posterior_of_share(
    known: Scores, distractors: Scores, queries: Scores, heldout: float, seed: int
) -> SharePosterior:
    """Learn the share of distractors from the means of a statistic over the three kinds.

    The statistic is the mean of a score's place above each of the high thresholds (Forman, Quantifying counts and
    costs via classification, Data Mining and Knowledge Discovery 2008, takes the median over such thresholds). Were
    the share right, the queries' mean would be the mixture of the other two; how far it may be off follows from a
    bootstrap of all three. The likelihood of a share is that of the difference (Fieller, Some problems in interval
    estimation, 1954): flat where the two kinds have the same mean.

    Parameters
    ----------
    known, distractors : scores of examples of the two kinds, from classifiers that have not seen them
    queries : scores of the real queries
    heldout : share of the queries that seem to be of a class that the episode holds out, distractors there alone
    seed : of the bootstrap
    """
    rng = np.random.default_rng(seed)
    below = known.cumulative()

    def statistic(scores: Anything) -> Anything:
        return np.clip((below(scores) - HIGH[0]) / (HIGH[1] - HIGH[0]), 0, 1)

    mismatch = MISMATCH * np.sqrt((known.spread**2 + distractors.spread**2) / 2)
    (of_known, known_drawn), (of_distractors, distractors_drawn) = (
        kind.means(statistic, mismatch, rng) for kind in (known, distractors)
    )
    of_queries, queries_drawn = queries.means(statistic, 0, rng)
    share = heldout + (1 - heldout) * SHARES
    residual = of_queries - share * of_distractors - (1 - share) * of_known
    drawn = queries_drawn[:, None] - share * distractors_drawn[:, None] - (1 - share) * known_drawn[:, None]
    return SharePosterior.of(log_normal(residual, drawn.var(axis=0)))


def log_normal(residual: Anything, variance: Anything) -> Anything:
    """Give the logarithm of the normal density of residuals, but for a constant."""
    variance = variance + SURE
    return -(np.log(variance) + residual**2 / variance) / 2

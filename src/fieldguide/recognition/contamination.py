"""How many of the queries are distractors: what can be known of the share, as a distribution over all shares.

The scores of queries are a mixture of two kinds, known and distractors, of which episodes give examples. Where the
two kinds score alike, the mixture looks the same whatever the share; then nothing is learned, and the distribution
stays what it was before any query was seen. Everything after it works with the distribution, not with one value of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy import stats
from scipy.special import expit

from fieldguide.core.arrays import Anything, Ints

SHARES = np.linspace(0, 1, 101)
# Before any query is seen: any share is possible, large ones less likely, as people collect pictures of what they know.
# Beta(1, 2) has the mean 1/3
PRIOR = (1.0, 2.0)
RESAMPLES = 300
HIGH = (0.3, 0.8)  # of the known score lower; high scores are those in between, where few distractors are
# How far the examples of a kind may score beside the queries of that kind, in standard deviations of a kind: hidden
# shots are gallery pictures, and gallery pictures are not chosen as queries are
MISMATCHES = (0.05, 0.3)  # where scores are high, and everywhere: distractors of the gallery are not those of the world
Statistic = Callable[[Anything], Anything]
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
        self, statistics: Sequence[Statistic], mismatches: Sequence[float], rng: np.random.Generator
    ) -> tuple[Anything, Anything]:
        """Give the means of some statistics, (n_statistics,), and draws of them, (n_resamples, n_statistics).

        Whole classes are drawn, as pictures of one stand or fall together; and for each statistic all scores are moved
        together, by a normal deviate whose standard deviation is its mismatch.
        """
        present, groups = np.unique(self.groups, return_inverse=True)
        n = len(present)
        weight = np.bincount(groups, self.weight, minlength=n)
        times = rng.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
        means, drawn = np.empty(len(statistics)), np.empty((RESAMPLES, len(statistics)))
        for place, (statistic, mismatch) in enumerate(zip(statistics, mismatches, strict=True)):
            total = np.bincount(groups, self.weight * statistic(self.values), minlength=n)
            means[place] = total.sum() / weight.sum()
            about = (times @ total) / np.maximum(times @ weight, 1e-12) - means[place]
            drawn[:, place] = means[place] + about * np.sqrt(n / max(n - 1, 1))
            if mismatch > 0:
                higher, lower = (statistic(self.values + sign * mismatch) for sign in (1, -1))
                drawn[:, place] += (
                    (self.weight @ (higher - lower)) / (2 * self.weight.sum()) * rng.normal(size=RESAMPLES)
                )
        return means, drawn


def posterior_of_share(
    known: Scores, distractors: Scores, queries: Scores, heldout: float, seed: int
) -> SharePosterior:
    """Learn the share of distractors from the means of a statistic over the three kinds.

    Two statistics have what the other lacks. The first is the mean of a score's place above each of the high thresholds
    (Forman, Quantifying counts and costs via classification, Data Mining and Knowledge Discovery 2008, takes the
    median over such thresholds): few distractors are there, so that it matters least how they score. The second is the
    probability of being known: where the kinds are far apart nothing else counts. Were the share right, the queries'
    means would be the mixture of the other two; how far they may be off follows from a bootstrap of all three. The
    likelihood of a share is that of the differences (Fieller, Some problems in interval estimation, 1954): flat where
    the two kinds have the same means.

    Parameters
    ----------
    known, distractors : scores of examples of the two kinds
    queries : scores of the real queries
    heldout : share of the queries that seem to be of a class that the episode holds out, distractors there alone
    seed : of the bootstrap
    """
    rng = np.random.default_rng(seed)
    below = known.cumulative()

    def high(scores: Anything) -> Anything:
        return np.clip((below(scores) - HIGH[0]) / (HIGH[1] - HIGH[0]), 0, 1)

    spread = np.sqrt((known.spread**2 + distractors.spread**2) / 2)
    mismatches = [mismatch * spread for mismatch in MISMATCHES]
    (of_known, known_drawn), (of_distractors, distractors_drawn) = (
        kind.means([high, expit], mismatches, rng) for kind in (known, distractors)
    )
    of_queries, queries_drawn = queries.means([high, expit], [0, 0], rng)
    share = (heldout + (1 - heldout) * SHARES)[:, None]
    residual = of_queries - share * of_distractors - (1 - share) * of_known
    share = share[:, :, None]
    drawn = queries_drawn - share * distractors_drawn - (1 - share) * known_drawn
    about = drawn - drawn.mean(axis=1, keepdims=True)
    covariance = about.transpose(0, 2, 1) @ about / RESAMPLES + SURE * np.eye(2)
    distance = (residual[:, None] @ np.linalg.solve(covariance, residual[:, :, None]))[:, 0, 0]
    return SharePosterior.of(-(np.linalg.slogdet(covariance)[1] + distance) / 2)


def log_normal(residual: Anything, variance: Anything) -> Anything:
    """Give the logarithm of the normal density of residuals, but for a constant."""
    variance = variance + SURE
    return -(np.log(variance) + residual**2 / variance) / 2

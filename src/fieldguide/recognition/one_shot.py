"""Calibration where nearly every class has one shot, so that no known query can be rehearsed.

What can be rehearsed are distractors, whose class is held out. Queries are compared with them: some *match*, their
best class is right; the others are distractors, or known queries that look no more like their class's one shot than
distractors look like any. Of these two nothing tells which is which, so the prior does, and nobody is sure.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import stats
from scipy.optimize import minimize
from scipy.special import log_expit, softmax

from fieldguide.core.arrays import Anything
from fieldguide.recognition.contamination import SHARES, Scores, SharePosterior, log_normal
from fieldguide.recognition.evidence import Evidence
from fieldguide.recognition.known_or_not import KnownOrNot, known_probability

MATCHING = np.linspace(0.01, 0.99, 50)  # shares of the known queries that match
PRIOR_OF_MATCHING = (1.0, 1.0)  # before any query is seen any share is as likely: Beta(1, 1)
LOW = (0.1, 0.7)  # of the distractors score lower; low scores are those in between, and below
HIGH = 0.6  # of the distractors score lower; higher scores are high, the more the fewer distractors are above
# Of the matching queries, some score as low as distractors, and some not as high as the highest; the share of them is
# as likely to be any up to this. Held-out classes cannot tell it
OVERLAPS = np.linspace(0, 0.8, 17)
# Of rehearsed distractors beside real ones, in their standard deviations: the root mean square of how far their medians
# were apart in 67 tasks (those of the group development in benchmarks/honesty.py, one shot), but for three far off
MISMATCH = 0.5
TEMPERATURES = 1.0, 6.0  # of the candidates' scores where a query matches, and where it does not
WORTH = 5.0  # classes with hidden shots that would say as much as the prior, by which nearly all is decided here
LEAST_SLOPE = 0.05  # the order of scores is kept, however little it says
LEVELS = 10  # parts of the distribution that are averaged over


@dataclass(frozen=True)
class Level:
    """One part of the distribution over what the queries are.

    Attributes
    ----------
    unmatched : share of the queries that match no class
    distractors : share of these that are distractors
    """

    unmatched: float
    distractors: float


@dataclass(frozen=True, eq=False)
class OneShotCalibration:
    """What turns evidence into probabilities where classes have one shot.

    Attributes
    ----------
    model : tells queries from rehearsed distractors
    effective : how many classes of equal weight it is worth
    joint : (101, 50) probability of each of `SHARES` with each of `MATCHING`
    n_classes : how many classes there are
    """

    model: KnownOrNot
    joint: Anything
    n_classes: int
    effective: float = WORTH

    @classmethod
    def of(
        cls, model: KnownOrNot, distractors: Scores, queries: Scores, heldout: float, n_classes: int, seed: int
    ) -> "OneShotCalibration":
        """Learn from scores of distractors that the model has not seen, and of queries, how many match.

        Where distractors score low, queries that match are few: how many times as many of the queries as of the
        distractors score low is the share that does not match (Storey, A direct approach to false discovery rates,
        2002), and of the overlap of those that do. Where distractors do not score so high, nearly all match: as many
        at least as there are. The likelihood is that of the difference, as for the share.
        """
        rng = np.random.default_rng(seed)
        below = distractors.cumulative()

        def low(scores: Anything) -> Anything:
            return 1 - np.clip((below(scores) - LOW[0]) / (LOW[1] - LOW[0]), 0, 1)

        def high(scores: Anything) -> Anything:
            return np.clip((below(scores) - HIGH) / (1 - HIGH), 0, 1)

        mismatch = [MISMATCH * distractors.spread] * 2
        of_distractors, distractors_drawn = distractors.means([low, high], mismatch, rng)
        of_queries, queries_drawn = queries.means([low, high], mismatch, rng)
        unmatched, ratio = _unmatched(), np.linspace(0.01, 1, 100)
        share = heldout + (1 - heldout) * ratio  # of the queries that match nothing that an episode has left
        residual = of_queries[:, None] - share * of_distractors[:, None]
        variance = (queries_drawn[:, :, None] - share * distractors_drawn[:, :, None]).var(axis=0)
        of_low = log_normal(residual[0], variance[0])
        of_high = np.stack([log_normal(residual[1] - (1 - share) * (1 - overlap), variance[1]) for overlap in OVERLAPS])
        of_low, of_high = np.exp(of_low - of_low.max()), np.exp(of_high - of_high.max())
        overlapping = [np.interp(unmatched + (1 - unmatched) * overlap, ratio, of_low) for overlap in OVERLAPS]
        likelihood = np.mean(overlapping, axis=0) * np.interp(unmatched, ratio, of_high.mean(axis=0))
        # Nothing is impossible: a share that is told may contradict the scores
        likelihood = np.maximum(likelihood / likelihood.max(), 1e-12)
        prior = stats.beta.pdf(MATCHING, *PRIOR_OF_MATCHING) * SharePosterior.of().density[:, None]
        joint = prior * likelihood
        joint /= joint.sum()
        return cls(_telling_matches(model, distractors, queries, float((joint * unmatched).sum())), joint, n_classes)

    @cached_property
    def posterior(self) -> SharePosterior:
        """The distribution over the share of distractors."""
        return SharePosterior(self.joint.sum(axis=1))

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of a query that matches against a rehearsed distractor, were both equally frequent."""
        return self.model.log_odds(evidence)

    def known(self, log_odds: Anything, share: float | None) -> Anything:
        """(m, n) the probability of being known, under m shares of distractors, each as likely to be the true one."""
        return np.stack(
            [1 - (1 - known_probability(log_odds, one.unmatched)) * one.distractors for one in self._levels(share)]
        )

    def class_probability(self, evidence: Evidence, log_odds: Anything, share: float | None) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""
        score = evidence.score()
        matched = np.mean([known_probability(log_odds, level.unmatched) for level in self._levels(share)], axis=0)
        known = self.known(log_odds, share).mean(axis=0)
        sharp, flat = (softmax(score / temperature, axis=1) for temperature in TEMPERATURES)
        candidates = (evidence.codes >= 0).sum(axis=1)
        flat = flat * (candidates / np.maximum(candidates, self.n_classes))[:, None]
        both = matched[:, None] * sharp + np.maximum(known - matched, 0)[:, None] * flat
        return np.asarray(both / np.maximum(known, 1e-9)[:, None])

    def _levels(self, share: float | None) -> list[Level]:
        """Cut the distribution into parts of equal probability, from few queries that match no class to many."""
        joint = self.joint
        if share is not None:
            joint = np.zeros_like(joint)
            nearest = int(np.abs(SHARES - share).argmin())
            joint[nearest] = self.joint[nearest]
        unmatched = _unmatched().ravel()
        order = np.argsort(unmatched, kind="stable")
        weight = joint.ravel()[order] / joint.sum()
        part = np.minimum(((np.cumsum(weight) - weight / 2) * LEVELS).astype(int), LEVELS - 1)
        total = np.maximum(np.bincount(part, weight, minlength=LEVELS), 1e-12)
        means = np.bincount(part, weight * unmatched[order], minlength=LEVELS) / total
        shares = np.bincount(part, weight * np.repeat(SHARES, len(MATCHING))[order], minlength=LEVELS) / total
        filled = total > 1e-9
        return [
            Level(float(mean), float(min(1.0, of / max(mean, 1e-9))))
            for mean, of in zip(
                np.interp(np.arange(LEVELS), np.flatnonzero(filled), means[filled]),
                np.interp(np.arange(LEVELS), np.flatnonzero(filled), shares[filled]),
                strict=True,
            )
        ]


def _unmatched() -> Anything:
    """(101, 50) share of the queries that match no class, by share of distractors and share of the known that match."""
    return SHARES[:, None] + (1 - SHARES[:, None]) * (1 - MATCHING)


def _telling_matches(model: KnownOrNot, distractors: Scores, queries: Scores, unmatched: float) -> KnownOrNot:
    """Learn the line from scores to log odds of matching: among the queries are others, which look like distractors."""
    n_classes = len(np.unique(distractors.groups))

    def loss(line: Anything) -> float:
        of_queries, of_distractors = (
            np.log(unmatched + (1 - unmatched) * np.exp(np.clip(line[0] + line[1] * kind.values, -30, 30)))
            for kind in (queries, distractors)
        )
        likelihood = np.average(log_expit(of_queries), weights=queries.weight)
        likelihood += np.average(log_expit(-of_distractors), weights=distractors.weight)
        return float(line[1] ** 2 / 2 - n_classes * likelihood)

    intercept, slope = minimize(loss, [0.0, 1.0], method="L-BFGS-B", bounds=[(-20, 20), (LEAST_SLOPE, 20)]).x
    return replace(model, slope=float(slope), intercept=float(intercept))

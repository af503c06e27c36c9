"""Probabilities learned without one labelled distractor, from episodes in which gallery pictures play the queries.

Hidden shots of classes that stay are known queries, shots of hidden classes are distractors; from both is learned how
to tell them apart, how many of the real queries are which, and how far the ranking of classes can be trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Ints
from fieldguide.recognition.class_probability import USUAL, ClassProbability, Example
from fieldguide.recognition.contamination import Scores, SharePosterior, posterior_of_share
from fieldguide.recognition.evidence import COSINE_WEIGHT, Evidence
from fieldguide.recognition.known_or_not import KnownOrNot, known_probability, unseen_scores
from fieldguide.recognition.one_shot import OneShotCalibration

ENOUGH = 5  # examples of a kind; from fewer nothing is learned
ENOUGH_CLASSES = 3  # of equal weight, of hidden shots; fewer do not stand for the others
LEVELS = 12  # shares that probabilities are averaged over


@dataclass(frozen=True)
class EpisodeEvidence:
    """What the evidence was on the queries of one episode, held-out gallery pictures and real ones.

    Attributes
    ----------
    known : evidence on held-out shots of classes that stayed
    known_codes : (n_known,) their codes among the classes that stayed
    known_weight : (n_known,) how far each represents the queries
    known_groups : (n_known,) their codes among all classes
    class_sizes : (n_known,) how many pictures of the class there are, the held-out one among them
    distractors : evidence on the shots of held-out classes, and on labelled distractors
    distractor_groups : (n_distractors,) their classes; each labelled distractor is a group of its own
    distractor_weight : (n_distractors,) how much each counts
    queries : evidence on the real queries
    in_heldout_class : (n_queries,) which of them seem to be of a held-out class
    """

    known: Evidence
    known_codes: Ints
    known_weight: Anything
    known_groups: Ints
    class_sizes: Ints
    distractors: Evidence
    distractor_groups: Ints
    distractor_weight: Anything
    queries: Evidence
    in_heldout_class: Flags


class Calibration(Protocol):
    """What turns evidence into probabilities."""

    @property
    def posterior(self) -> SharePosterior:
        """What is known of the share of distractors."""

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent."""

    @property
    def effective(self) -> float:
        """How many classes of equal weight it was learned from."""

    def known(self, log_odds: Anything, share: float | None) -> Anything:
        """(m, n) the probability of being known, under m shares of distractors, each as likely to be the true one.

        Their mean over these is the probability. There is one where `share` is given.
        """

    def class_probability(self, evidence: Evidence, log_odds: Anything, share: float | None) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""


@dataclass(frozen=True, eq=False)
class RehearsedCalibration:
    """Calibration by hidden shots and hidden classes.

    Attributes
    ----------
    model : tells known queries from distractors; None where there was too little to learn it from
    classes : how sure the ranking of classes is
    posterior : what is known of the share of distractors
    effective : how many classes of equal weight it was learned from
    score_scale : multiplies all scores, at least 1: they separate better than in the episodes, where a shot is missing
    neutral_cosine : where nothing could be learned, the cosine to a class's mean at which either is as likely
    """

    model: KnownOrNot | None
    classes: ClassProbability
    posterior: SharePosterior
    effective: float = 0.0
    score_scale: float = 1.0
    neutral_cosine: float = 0.0

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent."""
        if self.model is None:
            return np.asarray(COSINE_WEIGHT * (evidence.cosine.max(axis=1).astype(np.float64) - self.neutral_cosine))
        return self.model.log_odds(evidence, self.score_scale)

    def known(self, log_odds: Anything, share: float | None) -> Anything:
        """(m, n) the probability of being known, under m shares of distractors, each as likely to be the true one."""
        shares = self.posterior.quantiles(LEVELS) if share is None else [share]
        return np.stack([known_probability(log_odds, one) for one in shares])

    def class_probability(self, evidence: Evidence, log_odds: Anything, share: float | None) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""
        clearness = log_odds if self.model is None else self.model.score(evidence.features())
        return self.classes(evidence.score(), clearness, self.score_scale)


def calibrate(episodes: Sequence[EpisodeEvidence], guesses: Ints, n_classes: int, seed: int) -> Calibration:
    """Learn from episodes of the same queries.

    Parameters
    ----------
    episodes : at least one
    guesses : (n_queries,) the class that each real query seems to be of; without queries the share stays unknown
    n_classes : of the gallery
    seed : of the bootstraps
    """
    known, distractors, queries = (
        np.concatenate([getattr(one, kind).features() for one in episodes])
        for kind in ("known", "distractors", "queries")
    )
    groups, distractor_groups, weight, distractor_weight = (
        np.concatenate([getattr(one, name) for one in episodes])
        for name in ("known_groups", "distractor_groups", "known_weight", "distractor_weight")
    )
    n = len(guesses)
    heldout = float(np.mean([one.in_heldout_class.mean() for one in episodes])) if n else 0.0
    effective = _effective(groups, weight)
    query_rows = np.tile(np.arange(n), len(episodes))  # the share is that of these queries: one by one
    if len(distractors) < ENOUGH or (effective < ENOUGH_CLASSES and n < ENOUGH):
        neutral = _neutral_cosine(episodes)
        return RehearsedCalibration(None, ClassProbability(USUAL), SharePosterior.of(), neutral_cosine=neutral)
    if effective < ENOUGH_CLASSES:
        unlike = query_rows + distractor_groups.max() + 1
        both = queries, distractors, (np.ones(len(queries)), distractor_weight), (unlike, distractor_groups)
        of_queries, of_distractors = unseen_scores(*both)
        return OneShotCalibration.of(
            KnownOrNot.fit(*both),
            Scores(of_distractors, distractor_groups, distractor_weight),
            Scores(of_queries, query_rows, np.ones(len(queries))),
            heldout,
            n_classes,
            seed,
        )
    both = known, distractors, (weight, distractor_weight), (groups, distractor_groups)
    model, (of_known, of_distractors) = KnownOrNot.fit(*both), unseen_scores(*both)
    examples = [Example(one.known.score(), one.known.codes == one.known_codes[:, None]) for one in episodes]
    classes = ClassProbability.fit(examples, of_known, weight, effective)
    posterior = SharePosterior.of()
    if n:
        posterior = posterior_of_share(
            Scores(of_known, groups, weight),
            Scores(of_distractors, distractor_groups, distractor_weight),
            Scores(model.score(queries), query_rows, np.ones(len(queries))),
            heldout,
            seed,
        )
    return RehearsedCalibration(model, classes, posterior, effective, _score_scale(episodes))


def dense_probability(evidence: Evidence, given_known: Anything, n_classes: int) -> Anything:
    """Spread the candidates' probabilities (n, k) over all classes, (n, n_classes); the largest is `evidence.best()`'s.

    Classes that are no candidates have 0; rows sum to 1.
    """
    given_known = given_known / given_known.sum(axis=1, keepdims=True)
    probability = np.zeros((len(evidence.codes), n_classes))
    row, place = np.nonzero(evidence.codes >= 0)
    probability[row, evidence.codes[row, place]] = given_known[row, place]
    rows, best = np.arange(len(probability)), evidence.best()
    highest = probability.max(axis=1, initial=0)
    tied = (probability == highest[:, None]).argmax(axis=1) != best  # then the one that `predict` takes, by a hair
    probability[rows[tied], best[tied]] = np.nextafter(highest[tied], 2)
    return probability


def _effective(groups: Ints, weight: Anything) -> float:
    """Give how many classes of equal weight would say as much as these (Kish, Survey sampling, 1965)."""
    if not len(groups):
        return 0.0
    per_class = np.bincount(groups, weight)
    return float(per_class.sum() ** 2 / (per_class**2).sum())


def _neutral_cosine(episodes: Sequence[EpisodeEvidence]) -> float:
    """Find the cosine to the nearest class's mean at which a query may as well be known as a distractor.

    One standard deviation above that of shots to other classes: where nearly all shots are the only ones of their
    class, how similar they are to their own cannot be known. Without them it is what queries are on average.
    """
    for kind in "distractors", "queries":
        highest = np.concatenate([getattr(one, kind).cosine.max(axis=1, initial=-1) for one in episodes])
        if len(highest):
            return float(
                highest.mean(dtype=np.float64) + (highest.std(dtype=np.float64) if kind == "distractors" else 0)
            )
    return 0.0


def _score_scale(episodes: Sequence[EpisodeEvidence]) -> float:
    """Find by how much a picture's distance to the mean of k shots varies less than to the mean of k - 1.

    The mean of k shots scatters 1/k as much as a picture, which adds to the picture's own scatter.
    """
    shots = np.concatenate([one.class_sizes for one in episodes])
    return float(np.mean((1 + 1 / (shots - 1)) / (1 + 1 / shots)))

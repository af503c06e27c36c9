"""Probabilities learned without one labelled distractor, from episodes in which gallery pictures play the queries.

A logistic regression separates held-out shots of classes that stay from those of held-out classes; a temperature turns
the scores of classes into probabilities.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.core.arrays import Anything, Flags, Ints
from fieldguide.recognition.contamination import (
    PRIOR,
    PRIOR_QUERIES,
    Mixture,
    Scores,
    estimate,
    estimate_without_known,
)
from fieldguide.recognition.evidence import COSINE_WEIGHT, Evidence
from fieldguide.recognition.labels import ignore_convergence

ENOUGH = 5  # examples of a kind; from fewer nothing is learned
TEMPERATURES = np.geomspace(0.15, 4, 34)


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


@dataclass(frozen=True)
class Calibration:
    """What turns evidence into probabilities.

    Attributes
    ----------
    model : features of a query to log odds of known against distractor; None where nothing could be learned
    temperature : divides the scores of candidates before their softmax
    contamination : estimated share of distractors
    interval : its 90% interval
    score_scale : multiplies all scores, at least 1: they separate better than in the episodes, where a shot is missing
    neutral_cosine : where nothing could be learned, the cosine to a class's mean at which either is as likely
    """

    model: Pipeline | None
    temperature: float
    contamination: float
    interval: tuple[float, float]
    score_scale: float = 1.0
    neutral_cosine: float = 0.0

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent."""
        if self.model is None:
            return np.asarray(COSINE_WEIGHT * (evidence.cosine.max(axis=1).astype(np.float64) - self.neutral_cosine))
        return np.asarray(self.model.decision_function(evidence.features()) * self.score_scale)

    def class_probability(self, evidence: Evidence) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""
        return np.asarray(softmax(evidence.score() / self.temperature * self.score_scale, axis=1))


def calibrate(episodes: Sequence[EpisodeEvidence], guesses: Ints, seed: int) -> Calibration:
    """Learn from episodes of the same queries.

    Parameters
    ----------
    episodes : at least one
    guesses : (n_queries,) the class that each real query seems to be of; with no queries there is no estimate
    seed : of the interval's bootstrap

    Sources: calibration on held-out data, Platt 1999, with temperature, Guo et al., ICML 2017.
    """
    known, distractors, queries = (
        np.concatenate([getattr(one, kind).features() for one in episodes])
        for kind in ("known", "distractors", "queries")
    )
    n = len(guesses)
    distractor_groups = np.concatenate([one.distractor_groups for one in episodes])
    distractor_weight = np.concatenate([one.distractor_weight for one in episodes])
    if len(distractors) < ENOUGH or len(known) + n < ENOUGH:
        return Calibration(None, _temperature(episodes), PRIOR, (0.0, 1.0), neutral_cosine=_neutral_cosine(episodes))
    if len(known) < ENOUGH:
        model = _fit(queries, distractors, np.ones(len(queries)), distractor_weight)
        share, interval = estimate_without_known(
            model.decision_function(distractors), model.decision_function(queries), n
        )
        return Calibration(model, 1.0, share, interval)
    weight = np.concatenate([one.known_weight for one in episodes])
    model = _fit(known, distractors, weight / weight.mean(), distractor_weight)
    temperature, score_scale = _temperature(episodes), _score_scale(episodes)
    if not n:
        return Calibration(model, temperature, PRIOR, (0.0, 1.0), score_scale)
    mixture = Mixture(
        Scores(model.decision_function(known), np.concatenate([one.known_groups for one in episodes]), weight),
        Scores(
            model.decision_function(distractors),
            distractor_groups,
            distractor_weight,
        ),
        _equal_weights(model.decision_function(queries), np.tile(guesses, len(episodes))),
        np.concatenate([one.in_heldout_class for one in episodes]),
    )
    share, interval = estimate(mixture, n, seed)
    return Calibration(model, temperature, share, interval, score_scale)


def dense_probability(evidence: Evidence, calibration: Calibration, n_classes: int) -> Anything:
    """Spread the candidates' probabilities over all classes, (n, n_classes); the largest is that of `evidence.best()`.

    Classes that are no candidates have 0; rows sum to 1.
    """
    probability = np.zeros((len(evidence.codes), n_classes))
    row, place = np.nonzero(evidence.codes >= 0)
    probability[row, evidence.codes[row, place]] = calibration.class_probability(evidence)[row, place]
    rows, best = np.arange(len(probability)), evidence.best()
    highest = probability.max(axis=1, initial=0)
    tied = (probability == highest[:, None]).argmax(axis=1) != best  # then the one that `predict` takes, by a hair
    probability[rows[tied], best[tied]] = np.nextafter(highest[tied], 2)
    return probability


def known_probability(log_odds: Anything, contamination: float) -> Anything:
    """Shift log odds (n,) until the probabilities of being known have the mean 1 - contamination.

    A few queries with even odds are added, so that the expected share of many does not decide over a single one.
    """
    if 1 - contamination in (0, 1):
        return np.full(len(log_odds), 1.0 - contamination)
    padded = np.concatenate([log_odds, np.zeros(round(PRIOR_QUERIES))])
    # Were all queries like the one with the highest log odds, or like that with the lowest: the shift is in between
    middle = logit(1 - contamination)
    low, high = middle - padded.max() - 1, middle - padded.min() + 1
    shift = brentq(lambda shift: expit(padded + shift).mean() - (1 - contamination), low, high, xtol=1e-14)
    return np.asarray(expit(log_odds + shift))


def _equal_weights(values: Anything, groups: Ints) -> Scores:
    return Scores(values, groups, np.ones(len(values)))


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


def _fit(known: Anything, distractor: Anything, weight: Anything, distractor_weight: Anything) -> Pipeline:
    # balanced: there are several times more examples of one kind, which says nothing about the queries
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    with ignore_convergence():
        return model.fit(
            np.concatenate([known, distractor]),
            np.repeat([1, 0], [len(known), len(distractor)]),
            logisticregression__sample_weight=np.concatenate([weight, distractor_weight]),
        )


def _score_scale(episodes: Sequence[EpisodeEvidence]) -> float:
    """Find by how much a picture's distance to the mean of k shots varies less than to the mean of k - 1.

    The mean of k shots scatters 1/k as much as a picture, which adds to the picture's own scatter.
    """
    shots = np.concatenate([one.class_sizes for one in episodes])
    return float(np.mean((1 + 1 / (shots - 1)) / (1 + 1 / shots)))


def _temperature(episodes: Sequence[EpisodeEvidence]) -> float:
    """Choose the temperature under which the held-out shots' own classes are likeliest; 1 if there are none."""
    weight = np.concatenate([one.known_weight for one in episodes])
    losses = np.zeros((len(weight), len(TEMPERATURES)))
    start = 0
    for one in episodes:
        right = one.known.codes == one.known_codes[:, None]
        for column, temperature in enumerate(TEMPERATURES):
            likelihood = (softmax(one.known.score() / temperature, axis=1) * right).sum(axis=1)
            losses[start : start + len(right), column] = -np.log(likelihood + 1e-3)
        start += len(right)
    return float(TEMPERATURES[int((weight @ losses).argmin())]) if len(weight) else 1.0

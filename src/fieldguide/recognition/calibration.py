"""Probabilities learned without one labelled distractor, from rehearsals in which gallery pictures play the queries.

A logistic regression tells hidden shots of classes that stay from those of hidden classes; a temperature makes the
likeness of classes a probability.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
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
from fieldguide.recognition.labels import quiet

ENOUGH = 5  # examples of a kind; from fewer nothing is learned
TEMPERATURES = np.geomspace(0.15, 4, 34)


@dataclass(frozen=True)
class Rehearsal:
    """One run of the task in which some of the gallery played queries.

    Attributes
    ----------
    known : evidence on hidden shots of classes that stayed
    codes : (n_known,) their classes, as the evidence counts them
    weight : (n_known,) how far each stands for the queries
    known_groups : (n_known,) their classes, as the whole gallery counts them
    shots : (n_known,) how many pictures of the class there are, the hidden one among them
    strangers : evidence on the shots of hidden classes, and on labelled distractors
    stranger_groups : (n_strangers,) their classes; each labelled distractor is by itself
    stranger_weight : (n_strangers,) how much each counts
    queries : evidence on the real queries
    displaced : (n_queries,) which of them seem to be of a hidden class
    """

    known: Evidence
    codes: Ints
    weight: Anything
    known_groups: Ints
    shots: Ints
    strangers: Evidence
    stranger_groups: Ints
    stranger_weight: Anything
    queries: Evidence
    displaced: Flags


@dataclass(frozen=True)
class Calibration:
    """What turns evidence into probabilities.

    Attributes
    ----------
    model : features of a query to log odds of known against distractor; None where nothing could be learned
    temperature : divides the scores of candidates before their softmax
    contamination : estimated share of distractors
    interval : its 90% interval
    sharper : by how much all scores tell more than in the rehearsals, at least 1: no shot is missing now
    even : where nothing could be learned, the cosine to a class's mean at which known and distractor are as likely
    """

    model: Pipeline | None
    temperature: float
    contamination: float
    interval: tuple[float, float]
    sharper: float = 1.0
    even: float = 0.0

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent."""
        if self.model is None:
            return np.asarray(COSINE_WEIGHT * (evidence.cosine.max(axis=1).astype(np.float64) - self.even))
        return np.asarray(self.model.decision_function(evidence.features()) * self.sharper)

    def classes(self, evidence: Evidence) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""
        return np.asarray(softmax(evidence.score() / self.temperature * self.sharper, axis=1))


def calibrate(rehearsals: Sequence[Rehearsal], guesses: Ints, seed: int) -> Calibration:
    """Learn from rehearsals of the same queries.

    Parameters
    ----------
    rehearsals : at least one
    guesses : (n_queries,) the class that each real query seems to be of; with no queries there is no estimate
    seed : of the interval's bootstrap

    Sources: calibration on held-out data, Platt 1999, with temperature, Guo et al., ICML 2017.
    """
    known, strangers, queries = (
        np.concatenate([getattr(one, kind).features() for one in rehearsals])
        for kind in ("known", "strangers", "queries")
    )
    n = len(guesses)
    given = np.concatenate([one.stranger_weight for one in rehearsals])
    if len(strangers) < ENOUGH or len(known) + n < ENOUGH:
        return Calibration(None, _temperature(rehearsals), PRIOR, (0.0, 1.0), even=_even(rehearsals))
    if len(known) < ENOUGH:
        model = _fit(queries, strangers, np.ones(len(queries)), given)
        share, interval = estimate_without_known(
            model.decision_function(strangers), model.decision_function(queries), n
        )
        return Calibration(model, 1.0, share, interval)
    weight = np.concatenate([one.weight for one in rehearsals])
    model = _fit(known, strangers, weight / weight.mean(), given)
    temperature, sharper = _temperature(rehearsals), _sharper(rehearsals)
    if not n:
        return Calibration(model, temperature, PRIOR, (0.0, 1.0), sharper)
    mixture = Mixture(
        Scores(model.decision_function(known), np.concatenate([one.known_groups for one in rehearsals]), weight),
        Scores(model.decision_function(strangers), np.concatenate([one.stranger_groups for one in rehearsals]), given),
        _evenly(model.decision_function(queries), np.tile(guesses, len(rehearsals))),
        np.concatenate([one.displaced for one in rehearsals]),
    )
    share, interval = estimate(mixture, n, seed)
    return Calibration(model, temperature, share, interval, sharper)


def known_probability(log_odds: Anything, contamination: float) -> Anything:
    """Shift log odds (n,) until the probabilities of being known have the mean 1 - contamination.

    Among them are a few that know nothing, so that the share of many queries does not decide over a single one.
    """
    if contamination in (0, 1):
        return np.full(len(log_odds), 1.0 - contamination)
    padded = np.concatenate([log_odds, np.zeros(round(PRIOR_QUERIES))])
    low, high = -80.0, 80.0
    for _ in range(60):
        middle = (low + high) / 2
        if expit(padded + middle).mean() < 1 - contamination:
            low = middle
        else:
            high = middle
    return np.asarray(expit(log_odds + low))


def _evenly(values: Anything, groups: Ints) -> Scores:
    return Scores(values, groups, np.ones(len(values)))


def _even(rehearsals: Sequence[Rehearsal]) -> float:
    """Say how similar to the mean of a class a query is that may as well be known as a distractor.

    One standard deviation above what shots are to other classes: where nearly all shots are the only ones of their
    class, nothing tells how similar they are to their own. Without them it is what queries are on average.
    """
    for kind in "strangers", "queries":
        highest = np.concatenate([getattr(one, kind).cosine.max(axis=1, initial=-1) for one in rehearsals])
        if len(highest):
            return float(highest.mean(dtype=np.float64) + (highest.std(dtype=np.float64) if kind == "strangers" else 0))
    return 0.0


def _fit(known: Anything, distractor: Anything, weight: Anything, distractor_weight: Anything) -> Pipeline:
    # balanced: there are several times more examples of one kind, which says nothing of the queries
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced"))
    with quiet():
        return model.fit(
            np.concatenate([known, distractor]),
            np.repeat([1, 0], [len(known), len(distractor)]),
            logisticregression__sample_weight=np.concatenate([weight, distractor_weight]),
        )


def _sharper(rehearsals: Sequence[Rehearsal]) -> float:
    """Say by how much a picture's distance to the mean of k shots varies less than to the mean of k - 1.

    The mean of k shots scatters 1/k as much as a picture, which adds to the picture's own scatter.
    """
    shots = np.concatenate([one.shots for one in rehearsals])
    return float(np.mean((1 + 1 / (shots - 1)) / (1 + 1 / shots)))


def _temperature(rehearsals: Sequence[Rehearsal]) -> float:
    """Choose the temperature under which the hidden shots' own classes are likeliest; 1 if none was hidden."""
    weight = np.concatenate([one.weight for one in rehearsals])
    losses = np.zeros((len(weight), len(TEMPERATURES)))
    start = 0
    for one in rehearsals:
        right = one.known.codes == one.codes[:, None]
        for column, heat in enumerate(TEMPERATURES):
            likelihood = (softmax(one.known.score() / heat, axis=1) * right).sum(axis=1)
            losses[start : start + len(right), column] = -np.log(likelihood + 1e-3)
        start += len(right)
    return float(TEMPERATURES[int((weight @ losses).argmin())]) if len(weight) else 1.0

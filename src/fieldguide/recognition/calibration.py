"""Probabilities learned without one labelled distractor, from gallery pictures that play the queries' part.

A hidden shot, with its class's other shots in the gallery, is a known query; with its class struck out, a distractor.
A logistic regression tells these apart. How many of the real queries are distractors follows from where their scores
lie between the scores of the two kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.arrays import Anything, Flags, Ints
from fieldguide.recognition.evidence import Evidence

ENOUGH_HIDDEN = 10  # hidden shots; from fewer nothing is learned
BINS = 12
RESAMPLES = 40
PRIOR, PRIOR_QUERIES = 0.3, 10.0  # a contamination to start from, and how many queries it is worth
TEMPERATURES = np.geomspace(0.15, 4, 34)


@dataclass(frozen=True)
class Rehearsal:
    """One run of the task in which some shots were hidden among the queries.

    Attributes
    ----------
    queries : evidence on the real queries, with the hidden shots missing from the gallery
    hidden : evidence on the hidden shots
    codes : (n_hidden,) their classes
    """

    queries: Evidence
    hidden: Evidence
    codes: Ints


@dataclass(frozen=True)
class Calibration:
    """What turns evidence into probabilities.

    Attributes
    ----------
    model : features of a query to log odds of known against distractor
    temperature : divides the scores of candidates before their softmax
    contamination : estimated share of distractors
    interval : its 90% interval, by bootstrap
    """

    model: Pipeline
    temperature: float
    contamination: float
    interval: tuple[float, float]

    def log_odds(self, evidence: Evidence) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent."""
        log_odds: Anything = self.model.decision_function(evidence.features())
        return log_odds

    def classes(self, evidence: Evidence) -> Anything:
        """(n, k) probability of each candidate, given that the query is known."""
        return np.asarray(softmax(evidence.score() / self.temperature, axis=1))


def calibrate(rehearsals: Sequence[Rehearsal], evidence: Evidence, seed: int) -> Calibration:
    """Learn from rehearsals; or, where there was no shot to hide, from the queries alone.

    Parameters
    ----------
    rehearsals : may be none
    evidence : on the real queries
    seed : of the bootstrap

    Sources: calibration on held-out data, Platt 1999, with temperature, Guo et al., ICML 2017; the share by EM,
    Saerens, Latinne & Decaestecker, Neural Computation 2002.
    """
    rng = np.random.default_rng(seed)
    if sum(len(rehearsal.codes) for rehearsal in rehearsals) < ENOUGH_HIDDEN:
        return _calibrate_on_queries(evidence)
    known = np.concatenate([one.hidden.features() for one in rehearsals])
    distractor = np.concatenate([one.hidden.without(one.codes).features() for one in rehearsals])
    queries = np.concatenate([one.queries.features() for one in rehearsals])
    model = _fit(known, distractor)
    scores = [model.decision_function(features) for features in (known, distractor, queries)]
    estimate = _share(*scores)
    drawn = [_share(*(score[rng.integers(0, len(score), len(score))] for score in scores)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, [0.05, 0.95])
    return Calibration(model, _temperature(rehearsals), estimate, (float(low), float(high)))


def known_probability(log_odds: Anything, contamination: float) -> Anything:
    """Shift log odds (n,) until the probabilities of being known have the mean 1 - contamination."""
    if contamination in (0, 1):
        return np.full(len(log_odds), 1.0 - contamination)
    low, high = -80.0, 80.0
    for _ in range(60):
        middle = (low + high) / 2
        if expit(log_odds + middle).mean() < 1 - contamination:
            low = middle
        else:
            high = middle
    return np.asarray(expit(log_odds + low))


def _fit(known: Anything, distractor: Anything) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    return model.fit(np.concatenate([known, distractor]), np.repeat([1, 0], [len(known), len(distractor)]))


def _calibrate_on_queries(evidence: Evidence) -> Calibration:
    """Take a query without its best class for a distractor; the queries are a mixture of such and of known ones."""
    best = np.take_along_axis(evidence.codes, evidence.score().argmax(axis=1)[:, None], axis=1)[:, 0]
    queries, distractor = evidence.features(), evidence.without(best).features()
    model = _fit(queries, distractor)
    of_queries, of_distractor = model.decision_function(queries), model.decision_function(distractor)
    # Below any score lie at least as many queries as distractors do there: the least ratio bounds their share
    levels = np.quantile(of_distractor, np.linspace(0.1, 0.5, 9))
    ratios = [(of_queries <= level).mean() / (of_distractor <= level).mean() for level in levels]
    share = _towards_prior(float(np.clip(min(ratios), 0, 0.95)), len(queries))
    return Calibration(model, 1.0, share, (max(0.0, share - 0.3), min(1.0, share + 0.3)))


def _share(known: Anything, distractor: Anything, queries: Anything) -> float:
    """Find the share of distractors among queries, by EM over histograms of the scores (n,) of the three."""
    edges = np.quantile(np.concatenate([known, distractor]), np.linspace(0, 1, BINS + 1)[1:-1])
    heights = []
    for scores in (known, distractor, queries):
        counts = np.bincount(np.digitize(scores, edges), minlength=BINS) + 0.5  # no bin is impossible
        heights.append(counts / counts.sum())
    share = PRIOR
    for _ in range(200):
        share = float((heights[2] * share * heights[1] / (share * heights[1] + (1 - share) * heights[0])).sum())
    return _towards_prior(share, len(queries))


def _towards_prior(share: float, n_queries: int) -> float:
    return (share * n_queries + PRIOR * PRIOR_QUERIES) / (n_queries + PRIOR_QUERIES)


def _temperature(rehearsals: Sequence[Rehearsal]) -> float:
    """Choose the temperature under which the hidden shots' own classes are likeliest."""
    scores = np.concatenate([one.hidden.score() for one in rehearsals])
    right: Flags = np.concatenate([one.hidden.codes == one.codes[:, None] for one in rehearsals])
    losses = [-np.log((softmax(scores / heat, axis=1) * right).sum(axis=1) + 1e-3).mean() for heat in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])

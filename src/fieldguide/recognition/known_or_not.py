"""A logistic regression that tells known queries from distractors, and what its scores mean for a batch of queries."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.evidence import Evidence
from fieldguide.recognition.labels import ignore_convergence

Weights = tuple[Anything, Anything]
Groups = tuple[Ints, Ints]
FOLDS = 5
EVEN_QUERIES = 10  # of which nothing is known, added to all: the share of many does not decide over a single one


@dataclass(frozen=True)
class KnownOrNot:
    """Features of a query to log odds.

    Attributes
    ----------
    model : features to scores
    slope, intercept : scores to log odds, where they are not these themselves
    """

    model: Pipeline
    slope: float = 1.0
    intercept: float = 0.0

    def score(self, features: Anything) -> Anything:
        """(n,) scores, of features (n, 5)."""
        return np.asarray(self.model.decision_function(features))

    def log_odds(self, evidence: Evidence, scale: float = 1.0) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent; `scale` multiplies the scores."""
        return np.asarray(self.slope * scale * self.score(evidence.features()) + self.intercept)

    @classmethod
    def fit(cls, known: Anything, distractors: Anything, weights: Weights, groups: Groups) -> Self:
        """Fit on features (n, 5) and (m, 5) of examples of the two kinds; how much each counts, and its class."""
        return cls(_fitted(*_examples(known, distractors, weights, groups)))


def unseen_scores(
    known: Anything, distractors: Anything, weights: Weights, groups: Groups
) -> tuple[Anything, Anything]:
    """Score each example, as in `KnownOrNot.fit`, by a model that has seen none of its class: (n,) and (m,)."""
    features, kind, weight = _examples(known, distractors, weights, groups)
    group = np.concatenate(groups)
    scores = _fitted(features, kind, weight).decision_function(features)
    folds = min(FOLDS, len(np.unique(group)))
    if folds > 1:
        for seen, unseen in GroupKFold(folds, shuffle=True, random_state=0).split(features, kind, group):
            if len(np.unique(kind[seen])) == 2:
                scores[unseen] = _fitted(features[seen], kind[seen], weight[seen]).decision_function(features[unseen])
    return scores[: len(known)], scores[len(known) :]


def known_probability(log_odds: Anything, contamination: float) -> Anything:
    """Shift log odds (n,) until the probabilities of being known have the mean 1 - contamination.

    A few queries with even odds are added, so that the expected share of many does not decide over a single one.
    """
    if 1 - contamination in (0, 1):
        return np.full(len(log_odds), 1.0 - contamination)
    padded = np.concatenate([log_odds, np.zeros(EVEN_QUERIES)])
    # Were all queries like the one with the highest log odds, or like that with the lowest: the shift is in between
    middle = logit(1 - contamination)
    low, high = middle - padded.max() - 1, middle - padded.min() + 1
    shift = brentq(lambda shift: expit(padded + shift).mean() - (1 - contamination), low, high, xtol=1e-14)
    return np.asarray(expit(log_odds + shift))


def _examples(
    known: Anything, distractors: Anything, weights: Weights, groups: Groups
) -> tuple[Anything, Ints, Anything]:
    """Give features, kind and weight of all examples.

    Both kinds weigh the same, whichever has more examples, which says nothing about the queries; and together as much
    as their classes, since pictures of one class say little more than one: the penalty is measured by that.
    """
    n_classes = min(len(np.unique(part)) for part in groups)
    weight = np.concatenate([part / part.sum() * n_classes for part in weights])
    return np.concatenate([known, distractors]), np.repeat([1, 0], [len(known), len(distractors)]), weight


def _fitted(features: Anything, kind: Ints, weight: Anything) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with ignore_convergence():
        return model.fit(features, kind, logisticregression__sample_weight=weight)

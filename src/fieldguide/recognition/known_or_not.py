"""A logistic regression that tells known queries from distractors, and what it says of examples it has not seen."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.evidence import Evidence
from fieldguide.recognition.labels import ignore_convergence

FOLDS = 5
LEAST_SLOPE = 0.05  # the order of scores is kept, however little it says


@dataclass(frozen=True)
class KnownOrNot:
    """Features of a query to log odds.

    Attributes
    ----------
    model : features to scores
    slope, intercept : scores to log odds, learned from examples that the model has not seen (Platt, 1999)
    """

    model: Pipeline
    slope: float
    intercept: float

    def score(self, features: Anything) -> Anything:
        """(n,) scores, of features (n, 5)."""
        return np.asarray(self.model.decision_function(features))

    def log_odds(self, evidence: Evidence, scale: float = 1.0) -> Anything:
        """(n,) log odds of known against distractor, were both equally frequent; `scale` multiplies the scores."""
        return np.asarray(self.slope * scale * self.score(evidence.features()) + self.intercept)

    @classmethod
    def fit(
        cls, known: Anything, distractors: Anything, weights: tuple[Anything, Anything], groups: tuple[Ints, Ints]
    ) -> tuple[Self, Anything, Anything]:
        """Fit, and score each example by a model that has seen none of its class.

        Parameters
        ----------
        known, distractors : (n, 5) and (m, 5) features of examples
        weights, groups : how much each counts, and its class

        Returns
        -------
        What was fitted, and the scores of the examples, (n,) and (m,).
        """
        features = np.concatenate([known, distractors])
        kind = np.repeat([1, 0], [len(known), len(distractors)])
        # Both kinds weigh the same, whichever has more examples, which says nothing about the queries; and together as
        # much as their classes, since pictures of one class say little more than one: the penalty is measured by that
        n_classes = min(len(np.unique(part)) for part in groups)
        weight = np.concatenate([part / part.sum() * n_classes for part in weights])
        group = np.concatenate(groups)
        model = _fitted(features, kind, weight)
        scores = model.decision_function(features)
        folds = min(FOLDS, len(np.unique(group)))
        if folds > 1:
            for seen, unseen in GroupKFold(folds, shuffle=True, random_state=0).split(features, kind, group):
                if len(np.unique(kind[seen])) == 2:
                    scores[unseen] = _fitted(features[seen], kind[seen], weight[seen]).decision_function(
                        features[unseen]
                    )
        platt = LogisticRegression().fit(scores[:, None], kind, weight)
        slope = max(float(platt.coef_[0, 0]), LEAST_SLOPE)
        intercept = float(platt.intercept_[0]) if slope > LEAST_SLOPE else 0.0
        return cls(model, slope, intercept), scores[: len(known)], scores[len(known) :]


def _fitted(features: Anything, kind: Ints, weight: Anything) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression())
    with ignore_convergence():
        return model.fit(features, kind, logisticregression__sample_weight=weight)

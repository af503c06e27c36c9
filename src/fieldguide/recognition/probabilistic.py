"""Any classifier of scikit-learn as a recognizer: classes ranked by the probabilities that it gives."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.arrays import Anything
from fieldguide.recognition.labels import encode
from fieldguide.recognition.neighbours import largest, unit_rows
from fieldguide.recognition.ranking import NOTHING, Ranking
from fieldguide.recognition.shots import Shots


def logistic_regression(C: float = 0.01) -> Any:
    """Multinomial logistic regression on standardised features: what to try before anything larger.

    Parameters
    ----------
    C : inverse strength of the penalty, as scikit-learn has it; with a few shots a class it must be strong
    """
    return make_pipeline(Normalizer(), StandardScaler(), LogisticRegression(C=C, max_iter=200, tol=1e-3))


class ProbabilisticClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank classes by the probabilities of a classifier.

    Parameters
    ----------
    classifier : any scikit-learn classifier or pipeline with `predict_proba`; `logistic_regression()`
        unless given

    Attributes
    ----------
    classes_ : (n_classes,) the labels, sorted
    classifier_ : the fitted classifier; its classes are codes, the places of labels in `classes_`
    shots_ : the gallery, sorted by class
    """

    def __init__(self, classifier: Any = None) -> None:
        self.classifier = classifier

    def fit(self, X: Anything, y: Anything) -> Self:
        """Fit the classifier on the gallery: X (n_pictures, dim) embeddings, y (n_pictures,) labels."""
        X, y = validate_data(self, X, y)
        self.classes_, codes = encode(y)
        self.shots_ = Shots.of(X, codes)
        self.classifier_ = None
        if len(self.classes_) > 1:  # which most classifiers ask for
            classifier = logistic_regression() if self.classifier is None else clone(self.classifier)
            self.classifier_ = classifier.fit(X, codes)
        return self

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        likeliest: Anything = self.classes_[best]
        return likeliest

    def predict_proba(self, X: Anything) -> Anything:
        """Give the probability of each class for each query, (n, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        if self.classifier_ is None:
            return np.ones((len(X), 1))
        return np.asarray(self.classifier_.predict_proba(X))

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank classes for each query, (n, dim) embeddings.

        Returns
        -------
        A ranking without the unknown label; the distractor score is 1 minus the highest probability.
        """
        probability = self.predict_proba(X)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        n, top = len(probability), min(k, len(self.classes_))
        codes = np.full((n, k), NOTHING)
        found = np.full((n, k), np.nan, np.float32)
        similarity, nearest = found.copy(), np.full((n, k), -1)
        codes[:, :top] = largest(probability, top)
        found[:, :top] = np.take_along_axis(probability, codes[:, :top], axis=1)
        nearest[:, :top], similarity[:, :top] = self.shots_.nearest(unit_rows(X), codes[:, :top])
        return Ranking(
            classes=self.classes_,
            codes=codes,
            similarity=similarity,
            nearest=nearest,
            distractor_score=1 - found[:, 0],
            probability=found,
        )

"""Any classifier of scikit-learn as a recognizer: classes ranked by the probabilities that it gives."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything
from fieldguide.recognition.labels import FLOATS, check_rank, encode, ignore_convergence
from fieldguide.recognition.neighbours import blocks, largest, unit_rows
from fieldguide.recognition.ranking import NOTHING, Ranking
from fieldguide.recognition.recognizer import RankingMixin
from fieldguide.recognition.shots import Shots
from fieldguide.recognition.span import Span, is_wide


class InSpan(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Coordinates in the span of the rows that it is fitted on, where they are wider than they are many.

    What a linear model with a squared penalty learns lies in that span: it learns the same there, in far less time.

    Attributes
    ----------
    span_ : None where rows stay as they are
    """

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the span of X (n, dim)."""
        rows = validate_data(self, X, dtype=FLOATS)
        self.span_ = Span.of([rows.astype(np.float32, copy=False)], len(rows), 0) if is_wide(*rows.shape) else None
        self._n_features_out = rows.shape[1] if self.span_ is None else self.span_.basis.shape[1]
        return self

    def transform(self, X: ArrayLike) -> Anything:
        """Give the coordinates of X, (n, n_directions)."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=FLOATS)
        return rows if self.span_ is None else self.span_.coordinates(rows)


def logistic_regression(C: float = 0.01) -> Any:
    """Multinomial logistic regression on standardised features: what to try before anything larger.

    Parameters
    ----------
    C : inverse strength of the penalty, as scikit-learn has it; with a few shots a class it must be strong
    """
    pipeline = make_pipeline(Normalizer(), StandardScaler(), InSpan(), LogisticRegression(C=C, max_iter=200, tol=1e-3))
    return pipeline.set_output(transform="default")  # whatever scikit-learn is configured to give


class ProbabilisticClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
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

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit the classifier on the gallery: X (n_pictures, dim) embeddings, y (n_pictures,) labels."""
        gallery_embeddings, labels = validate_data(self, X, y, dtype=FLOATS)
        self.classes_, codes = encode(labels)
        self.shots_ = Shots.of(gallery_embeddings, codes)
        self.classifier_ = None
        if len(self.classes_) > 1:  # which most classifiers need
            classifier = logistic_regression() if self.classifier is None else clone(self.classifier)
            with ignore_convergence():
                self.classifier_ = classifier.fit(gallery_embeddings, codes)
        return self

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,)."""
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        best = np.empty(len(query_embeddings), np.int64)
        for part in blocks(len(query_embeddings), 2 * len(self.classes_)):
            best[part] = self.predict_proba(query_embeddings[part]).argmax(axis=1)
        likeliest: Anything = self.classes_[best]
        return likeliest

    def predict_proba(self, X: ArrayLike) -> Anything:
        """Give the probability of each class for each query, (n, n_classes)."""
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        if self.classifier_ is None:
            return np.ones((len(query_embeddings), 1))
        return np.asarray(self.classifier_.predict_proba(query_embeddings))

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
        """Rank classes for each query, (n, dim) embeddings.

        Returns
        -------
        A ranking without the unknown label; the distractor score is 1 minus the highest probability.
        """
        check_is_fitted(self)
        check_rank(self.classes_, k)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        n, top = len(query_embeddings), min(k, len(self.classes_))
        codes = np.full((n, k), NOTHING)
        found = np.full((n, k), np.nan, np.float32)
        similarity, nearest = found.copy(), np.full((n, k), -1)
        for part in blocks(n, 2 * len(self.classes_) + query_embeddings.shape[1]):  # probabilities are float64
            probability = self.predict_proba(query_embeddings[part])
            codes[part, :top] = largest(probability, top)
            found[part, :top] = np.take_along_axis(probability, codes[part, :top], axis=1)
            rows = unit_rows(query_embeddings[part])
            nearest[part, :top], similarity[part, :top] = self.shots_.nearest(rows, codes[part, :top])
        return Ranking(
            classes=self.classes_,
            codes=codes,
            similarity=similarity,
            nearest=nearest,
            distractor_score=1 - found[:, 0],
            probability=found,
        )

"""A recognizer and a distractor rule together: an answer for every query, "none of these" included."""

import inspect
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything
from fieldguide.recognition.cosine import CosineClassifier
from fieldguide.recognition.distractors import DistractorRule, ThresholdRule
from fieldguide.recognition.labels import FLOATS, encode
from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin, Recognizer


class OpenSetClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Let a rule call some of a recognizer's queries distractors: those get the unknown label first.

    `predict` answers among the classes, as a scikit-learn classifier must; `rank` knows the unknown label.

    Parameters
    ----------
    recognizer : ranks the classes; `CosineClassifier` unless given
    rule : calls distractors; `ThresholdRule` unless given

    Attributes
    ----------
    recognizer_, classes_ : the fitted recognizer and its labels
    """

    def __init__(self, recognizer: Recognizer | None = None, rule: DistractorRule | None = None) -> None:
        self.recognizer = recognizer
        self.rule = rule

    def fit(self, X: ArrayLike, y: ArrayLike, distractors: ArrayLike | None = None) -> Self:
        """Fit the recognizer on the gallery.

        Parameters
        ----------
        X : (n_pictures, dim) embeddings
        y : (n_pictures,) labels
        distractors : (m, dim) embeddings of pictures that are of no class, for a recognizer that learns from them;
            rules find distractors without an example of any

        Raises
        ------
        TypeError : there are distractors, and the recognizer has no use for them.
        """
        recognizer = CosineClassifier() if self.recognizer is None else clone(self.recognizer)
        gallery_embeddings, labels = validate_data(self, X, y, dtype=FLOATS)
        if distractors is None:
            self.recognizer_ = recognizer.fit(gallery_embeddings, labels)
        elif "distractors" in inspect.signature(recognizer.fit).parameters:
            self.recognizer_ = recognizer.fit(gallery_embeddings, labels, distractors=distractors)  # type: ignore[call-arg]
        else:
            raise TypeError(
                f"distractors= has no use here: neither {type(recognizer).__name__} nor distractor rules learn from "
                "labelled distractors, as TransductiveClassifier and InductiveClassifier do: leave it out"
            )
        self.classes_ = self.recognizer_.classes_
        self.gallery_, self.codes_ = np.asarray(gallery_embeddings, dtype=np.float32), encode(labels)[1]
        return self

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        return self.recognizer_.predict(validate_data(self, X, reset=False, dtype=FLOATS))

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
        """Rank labels for each query, (n, dim) embeddings; distractors have the unknown label first."""
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        ranking = self.recognizer_.rank(query_embeddings, k)
        rule = ThresholdRule() if self.rule is None else self.rule
        verdict = rule.judge(self.gallery_, self.codes_, np.asarray(query_embeddings, dtype=np.float32), ranking)
        return replace(
            ranking.with_unknown_first(verdict.is_distractor, verdict.score),
            contamination=verdict.contamination,
            rejection_summary=verdict.summary,
        )

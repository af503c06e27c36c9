"""The default recognizer: it learns from the unlabelled queries too, and says how sure it is."""

from dataclasses import replace
from typing import Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.arrays import Anything, Floats, Ints
from fieldguide.recognition.calibration import Calibration, Rehearsal, calibrate, known_probability
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.evidence import Evidence, gather_evidence
from fieldguide.recognition.labels import encode
from fieldguide.recognition.neighbours import blocks, unit_rows
from fieldguide.recognition.propagation import smooth_over
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Ranking
from fieldguide.recognition.shots import Shots

MANY_CLASSES = 300  # that many hidden shots at once teach enough; of fewer classes three are hidden in turn


class TransductiveClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank labels, the unknown one among them, by probability; a query is answered with the help of the others.

    1. Embeddings are centred on gallery and queries together, and whitened within classes.
    2. Labels spread over the neighbour graph of gallery and queries.
    3. The same is rehearsed with some shots hidden among the queries, which teaches how known queries and
       distractors differ, and how far the ranking can be trusted.
    4. The contamination is estimated from all queries; a query's log odds mix with those around it.

    `docs/method.md` says why. `predict` answers among the classes, as a scikit-learn classifier must; `rank` knows
    the unknown label. Both depend on the other rows of X: that is what transductive means.

    Parameters
    ----------
    contamination : share of distractors among the queries, 0 to 1; None to estimate it
    seed : of everything random

    Attributes
    ----------
    classes_ : (n_classes,) the labels, sorted
    contamination_, contamination_interval_ : of the queries ranked last, with its 90% interval
    account_ : the same in words
    """

    def __init__(self, contamination: float | None = None, seed: int = 0) -> None:
        self.contamination = contamination
        self.seed = seed

    def fit(self, X: Anything, y: Anything) -> Self:
        """Keep the gallery: X (n_pictures, dim) embeddings, y (n_pictures,) labels."""
        X, y = validate_data(self, X, y)
        if self.contamination is not None and not 0 <= self.contamination <= 1:
            raise ValueError(f"contamination is a share from 0 to 1, not {self.contamination}")
        self.classes_, self.codes_ = encode(y)
        self.gallery_ = X.astype(np.float32)
        return self

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False).astype(np.float32, copy=False)
        evidence, _ = gather_evidence(*self._task(X), self.seed)
        best = evidence.score().argmax(axis=1)[:, None]
        return self.classes_[np.take_along_axis(evidence.codes, best, axis=1)[:, 0]]

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank labels for each query.

        Parameters
        ----------
        X : (n, dim) embeddings; the more of the queries at once the better
        k : how many labels, at least 1

        Returns
        -------
        A ranking by probability, the unknown label among the others unless the contamination is 0. The distractor
        score is the probability of a distractor, were as many queries distractors as not.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False).astype(np.float32, copy=False)
        if k < 1:
            raise ValueError(f"k must be at least 1, not {k}")
        pictures, codes = self._task(X)
        evidence, graph = gather_evidence(pictures, codes, self.seed)
        calibration = calibrate(self._rehearse(pictures, codes), evidence, self.seed)
        self._settle(calibration)
        log_odds = smooth_over(graph, calibration.log_odds(evidence))
        known = known_probability(log_odds, self.contamination_)
        ranking = self._ranking(X, evidence, calibration.classes(evidence) * known[:, None], 1 - known, k)
        return replace(ranking, distractor_score=expit(-log_odds).astype(np.float32))

    def _task(self, X: Floats) -> tuple[CentredRows, Ints]:
        """Give gallery and queries, and their classes, -1 for the queries."""
        codes = np.concatenate([self.codes_, np.full(len(X), -1)])
        return CentredRows.about_their_centre(self.gallery_, X), codes

    def _rehearse(self, pictures: CentredRows, codes: Ints) -> list[Rehearsal]:
        """Hide one shot of every class with several, at random, and answer it like a query."""
        rng = np.random.default_rng(self.seed)
        several = np.bincount(self.codes_) > 1
        rehearsals = []
        for _ in range((1 if len(several) > MANY_CLASSES else 3) if several.any() else 0):
            order = rng.permutation(len(self.codes_))
            one_each = order[np.unique(codes[order], return_index=True)[1]]
            hidden = np.sort(one_each[several[codes[one_each]]])
            shown = codes.copy()
            shown[hidden] = -1
            evidence, _ = gather_evidence(pictures, shown, self.seed)
            n = len(hidden)
            rehearsals.append(Rehearsal(evidence.of(slice(n, None)), evidence.of(slice(n)), codes[hidden]))
        return rehearsals

    def _settle(self, calibration: Calibration) -> None:
        if self.contamination is None:
            self.contamination_, self.contamination_interval_ = calibration.contamination, calibration.interval
            low, high = self.contamination_interval_
            self.account_ = f"estimated contamination {self.contamination_:.2f} (90% interval {low:.2f} to {high:.2f})"
        else:
            self.contamination_, self.contamination_interval_ = self.contamination, (self.contamination,) * 2
            self.account_ = f"contamination {self.contamination:.2f}, as given"

    def _ranking(self, queries: Floats, evidence: Evidence, known: Anything, unknown: Anything, k: int) -> Ranking:
        """Sort labels and the unknown one by probability: the order of highest expected mAP@k."""
        n = len(queries)
        last = UNKNOWN if self.contamination_ > 0 else NOTHING
        codes = np.concatenate([np.where(evidence.codes < 0, NOTHING, evidence.codes), np.full((n, 1), last)], axis=1)
        probability = np.concatenate([known, unknown[:, None]], axis=1)
        order = np.argsort(-np.where(codes == NOTHING, -1, probability), axis=1, kind="stable")[:, :k]
        order = np.pad(order, ((0, 0), (0, k - order.shape[1])), constant_values=-1)
        codes, probability = np.take_along_axis(codes, order, axis=1), np.take_along_axis(probability, order, axis=1)
        beyond = np.arange(k) >= evidence.codes.shape[1] + 1
        codes[:, beyond] = NOTHING
        shots = Shots.of(self.gallery_, self.codes_)
        nearest, similarity = np.empty(codes.shape, np.int64), np.empty(codes.shape, np.float32)
        for part in blocks(*queries.shape):
            nearest[part], similarity[part] = shots.nearest(unit_rows(queries[part]), np.maximum(codes[part], 0))
        return Ranking(
            classes=self.classes_,
            codes=codes,
            similarity=np.where(codes < 0, np.float32(np.nan), similarity),
            nearest=np.where(codes < 0, -1, nearest),
            distractor_score=unknown.astype(np.float32),
            probability=np.where(codes == NOTHING, np.nan, probability).astype(np.float32),
        )

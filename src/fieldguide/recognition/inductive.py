"""One query at a time: the default recognizer's parts as far as they need no other queries."""

from dataclasses import replace
from typing import Self

import numpy as np
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.by_probability import rank_by_probability
from fieldguide.recognition.calibration import Rehearsal, calibrate
from fieldguide.recognition.evidence import GalleryEvidence
from fieldguide.recognition.labels import FLOATS, check_rank, encode
from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin
from fieldguide.recognition.rehearsal import Cast, casts, representativeness, some_distractors, stranger_weights
from fieldguide.recognition.shots import Shots
from fieldguide.recognition.space import PowerCentring


class InductiveClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank labels, the unknown one among them, by probability; each query by itself, against a fitted gallery.

    Centring, whitening, classes' means and calibration come from the gallery alone, and all work but a comparison
    with the gallery is done once, in `fit`. Use it where queries come one by one; where they come together,
    `TransductiveClassifier` makes far fewer errors.

    Parameters
    ----------
    contamination : share of distractors to expect, 0 to 1; one query cannot tell
    seed : of everything random

    Attributes
    ----------
    classes_ : (n_classes,) the labels, sorted
    """

    def __init__(self, contamination: float = 0.3, seed: int = 0) -> None:
        self.contamination = contamination
        self.seed = seed

    def fit(self, X: Anything, y: Anything, distractors: Anything | None = None) -> Self:
        """Learn from the gallery.

        Parameters
        ----------
        X : (n_pictures, dim) embeddings
        y : (n_pictures,) labels
        distractors : (n, dim) embeddings of pictures known to be of no class, if there are any: examples for the
            calibration, beside those that it makes by hiding classes
        """
        X, y = validate_data(self, X, y, dtype=FLOATS)
        if not 0 <= self.contamination <= 1:
            raise ValueError(f"contamination is a share from 0 to 1, not {self.contamination}")
        self.classes_, codes = encode(y)
        self.shots_ = Shots.of(X, codes)
        self.centring_ = PowerCentring().fit(X)
        gallery = self.centring_.transform(X)
        labelled = some_distractors(distractors, X.shape[1], self.seed)
        if len(labelled):
            labelled = self.centring_.transform(labelled)
        turns = list(casts(codes, self.seed))
        rehearsals = [self._rehearse(cast, gallery, codes, labelled, len(turns)) for cast in turns]
        self.calibration_ = calibrate(rehearsals, np.zeros(0, np.int64), self.seed)
        self.evidence_ = GalleryEvidence.of(gallery, codes, self.seed)
        return self

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        return self.classes_[self.evidence_.on(self.centring_.transform(X)).best()]

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank labels for each query.

        Parameters
        ----------
        X : (n, dim) embeddings
        k : how many labels, at least 1

        Returns
        -------
        A ranking by probability, the unknown label among the others unless the contamination is 0. The distractor
        score is the probability of a distractor, were as many queries distractors as not.
        """
        check_is_fitted(self)
        check_rank(self.classes_, k)
        X = validate_data(self, X, reset=False, dtype=FLOATS)
        evidence = self.evidence_.on(self.centring_.transform(X))
        log_odds = self.calibration_.log_odds(evidence)
        if self.contamination > 0:
            log_odds[~X.any(axis=1)] = -np.inf  # shows nothing: of no class, unless all are of one
        known = expit(log_odds + logit(1 - self.contamination)) if self.contamination < 1 else np.zeros(len(X))
        ranking = rank_by_probability(
            self.shots_,
            self.classes_,
            np.asarray(X, dtype=np.float32),
            evidence.codes,
            self.calibration_.classes(evidence),
            known,
            k,
        )
        return replace(
            ranking,
            distractor_score=expit(-log_odds).astype(np.float32),
            contamination=self.contamination,
            rejection_summary=f"contamination {self.contamination:.2f}, as expected of any query",
        )

    def _rehearse(self, cast: Cast, gallery: Floats, codes: Ints, labelled: Floats, turns: int) -> Rehearsal:
        left = np.unique(codes[cast.gallery])
        against = GalleryEvidence.of(gallery[cast.gallery], np.searchsorted(left, codes[cast.gallery]), self.seed)
        return Rehearsal(
            known=against.on(gallery[cast.known]),
            codes=np.searchsorted(left, codes[cast.known]),
            weight=representativeness(codes, cast, np.zeros(len(self.classes_))),
            known_groups=codes[cast.known],
            shots=np.bincount(codes)[codes[cast.known]],
            strangers=against.on(np.concatenate([gallery[cast.strangers], labelled])),
            **stranger_weights(codes[cast.strangers], len(labelled), turns),
            queries=against.on(gallery[:0]),
            displaced=np.zeros(0, bool),
        )

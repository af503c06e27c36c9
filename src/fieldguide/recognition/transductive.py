"""The default recognizer: it learns from the unlabelled queries too, and says how sure it is."""

from dataclasses import replace
from typing import Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.by_probability import rank_by_probability
from fieldguide.recognition.calibration import Calibration, Rehearsal, calibrate, known_probability
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.evidence import gather_evidence
from fieldguide.recognition.labels import check_rank, encode
from fieldguide.recognition.propagation import smooth_over
from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin
from fieldguide.recognition.rehearsal import Cast, casts, representativeness, some_distractors, stranger_weights
from fieldguide.recognition.shots import Shots


class TransductiveClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank labels, the unknown one among them, by probability; a query is answered with the help of the others.

    1. Embeddings are centred on gallery and queries together, and whitened within classes.
    2. Labels spread over the neighbour graph of gallery and queries.
    3. The same is rehearsed with some classes and some shots hidden among the queries, which teaches how known
       queries and distractors differ, and how far the ranking can be trusted.
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
    """

    def __init__(self, contamination: float | None = None, seed: int = 0) -> None:
        self.contamination = contamination
        self.seed = seed

    def fit(self, X: Anything, y: Anything, distractors: Anything | None = None) -> Self:
        """Keep the gallery.

        Parameters
        ----------
        X : (n_pictures, dim) embeddings
        y : (n_pictures,) labels
        distractors : (n, dim) embeddings of pictures known to be of no class, if there are any: examples for the
            calibration, beside those that it makes by hiding classes
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        if self.contamination is not None and not 0 <= self.contamination <= 1:
            raise ValueError(f"contamination is a share from 0 to 1, not {self.contamination}")
        self.classes_, self.codes_ = encode(y)
        self.gallery_ = X
        self.distractors_ = some_distractors(distractors, X.shape[1], self.seed)
        return self

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float32)
        evidence, _ = gather_evidence(*self._task(X), self.seed)
        return self.classes_[evidence.best()[: len(X)]]

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank labels for each query.

        Parameters
        ----------
        X : (n, dim) embeddings; the more of the queries at once the better
        k : how many labels, at least 1

        Returns
        -------
        A ranking by probability, the unknown label among the others unless the contamination is 0. The distractor
        score is the probability of a distractor, were as many queries distractors as not. With it come the
        contamination, estimated or as given, and the 90% interval of an estimate.
        """
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float32)
        check_rank(self.classes_, k)
        pictures, codes = self._task(X)
        evidence, graph = gather_evidence(pictures, codes, self.seed)
        evidence, graph = evidence.of(slice(len(X))), graph[: len(X), : len(X)]
        guesses = evidence.best()
        turns = list(casts(self.codes_, self.seed))
        rehearsals = [self._rehearse(cast, pictures, guesses, len(turns)) for cast in turns]
        calibration = calibrate(rehearsals, guesses, self.seed)
        contamination, interval, summary = self._contamination(calibration)
        log_odds = smooth_over(graph, calibration.log_odds(evidence))
        known = known_probability(log_odds, contamination)
        blank = ~X.any(axis=1) & (contamination > 0)  # shows nothing: of no class, unless all are of one
        known[blank], log_odds[blank] = 0, -np.inf
        ranking = rank_by_probability(
            Shots.of(self.gallery_, self.codes_),
            self.classes_,
            X,
            evidence.codes,
            calibration.classes(evidence),
            known,
            k,
        )
        return replace(
            ranking,
            distractor_score=expit(-log_odds).astype(np.float32),
            contamination=contamination,
            contamination_interval=interval,
            rejection_summary=summary,
        )

    def _task(self, X: Floats) -> tuple[CentredRows, Ints]:
        """Give gallery and queries, labelled distractors the last of them, and their classes, -1 for the queries."""
        if len(self.distractors_):
            X = np.concatenate([X, self.distractors_])
        codes = np.concatenate([self.codes_, np.full(len(X), -1)])
        return CentredRows.about_their_centre(self.gallery_, X, self.seed), codes

    def _rehearse(self, cast: Cast, pictures: CentredRows, guesses: Ints, turns: int) -> Rehearsal:
        """Answer the hidden pictures of a cast with the queries, whose likeliest classes are `guesses`."""
        codes = self.codes_
        left = np.unique(codes[cast.gallery])
        shown = np.full(len(pictures), -1)
        shown[cast.gallery] = np.searchsorted(left, codes[cast.gallery])
        evidence, _ = gather_evidence(pictures, shown, self.seed)
        hidden = np.sort(np.concatenate([cast.known, cast.strangers]))
        labelled = len(hidden) + len(guesses) + np.arange(len(self.distractors_))
        return Rehearsal(
            known=evidence.of(np.searchsorted(hidden, cast.known)),
            codes=np.searchsorted(left, codes[cast.known]),
            weight=representativeness(codes, cast, np.bincount(guesses, minlength=len(self.classes_))),
            known_groups=codes[cast.known],
            shots=np.bincount(codes)[codes[cast.known]],
            strangers=evidence.of(np.concatenate([np.searchsorted(hidden, cast.strangers), labelled])),
            **stranger_weights(codes[cast.strangers], len(labelled), turns),
            queries=evidence.of(slice(len(hidden), len(hidden) + len(guesses))),
            displaced=cast.hidden[guesses],
        )

    def _contamination(self, calibration: Calibration) -> tuple[float, tuple[float, float] | None, str]:
        """Give the share of distractors to go by, the interval of an estimate, and both in words."""
        if self.contamination is not None:
            return self.contamination, None, f"contamination {self.contamination:.2f}, as given"
        share, (low, high) = calibration.contamination, calibration.interval
        words = f"estimated contamination {share:.2f} (90% interval {low:.2f} to {high:.2f})"
        return share, calibration.interval, words

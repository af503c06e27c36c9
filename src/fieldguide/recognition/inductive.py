"""One query at a time: the default recognizer's parts that need no other queries."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.by_probability import rank_by_probability
from fieldguide.recognition.calibration import EpisodeEvidence, calibrate, dense_probability
from fieldguide.recognition.copies import distinct_shots
from fieldguide.recognition.episodes import (
    Episode,
    distractor_examples,
    draw_episodes,
    representativeness,
    sample_distractors,
)
from fieldguide.recognition.evidence import GalleryEvidence
from fieldguide.recognition.expectation import expect
from fieldguide.recognition.labels import FLOATS, check_rank, encode
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.power_centring import PowerCentring
from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin
from fieldguide.recognition.shots import Shots


class InductiveClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank labels, the unknown one among them, by probability; each query by itself, against a fitted gallery.

    Centring, whitening, classes' means and calibration come from the gallery alone, and all work but a comparison
    with the gallery is done once, in `fit`. Use it where queries come one by one; where they come together,
    `TransductiveClassifier` makes far fewer errors.

    Parameters
    ----------
    contamination : share of distractors to expect, 0 to 1; it cannot be estimated from one query
    seed : of everything random

    Attributes
    ----------
    classes_ : (n_classes,) the labels, sorted
    """

    def __init__(self, contamination: float = 0.3, seed: int = 0) -> None:
        self.contamination = contamination
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, distractors: ArrayLike | None = None) -> Self:
        """Learn from the gallery.

        Parameters
        ----------
        X : (n_pictures, dim) embeddings
        y : (n_pictures,) labels
        distractors : (n, dim) embeddings of pictures known to be of no class, if there are any: examples for the
            calibration, beside those that it makes by holding out classes
        """
        gallery_embeddings, labels = validate_data(self, X, y, dtype=FLOATS)
        if not 0 <= self.contamination <= 1:
            raise ValueError(f"contamination is a share from 0 to 1, not {self.contamination}")
        self.classes_, codes = encode(labels)
        self.shots_ = Shots.of(gallery_embeddings, codes)
        rows = distinct_shots(unit_rows(gallery_embeddings), codes)
        gallery_embeddings, codes = gallery_embeddings[rows], codes[rows]
        self.centring_ = PowerCentring().fit(gallery_embeddings)
        centred = self.centring_.map_rows(gallery_embeddings)
        labelled = sample_distractors(distractors, gallery_embeddings.shape[1], self.seed)
        if len(labelled):
            labelled = self.centring_.map_rows(labelled)
        episodes = list(draw_episodes(codes, self.seed))
        answered = [self._run_episode(episode, centred, codes, labelled, len(episodes)) for episode in episodes]
        self.calibration_ = calibrate(answered, np.zeros(0, np.int64), len(self.classes_), self.seed)
        self.evidence_ = GalleryEvidence.of(centred, codes, self.seed)
        return self

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        return self.classes_[self.evidence_.on(self.centring_.map_rows(query_embeddings)).best()]

    def predict_proba(self, X: ArrayLike) -> Anything:
        """Give the probability of each class for each query, (n, n_classes), as if there were no distractors.

        The eighteen candidates at most that a query has share the probability; other classes have 0. `rank` needs no
        matrix of queries by classes, and knows distractors.
        """
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        evidence = self.evidence_.on(self.centring_.map_rows(query_embeddings))
        given_known = self.calibration_.class_probability(evidence, self.calibration_.log_odds(evidence), None)
        return dense_probability(evidence, given_known, len(self.classes_))

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
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
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS)
        evidence = self.evidence_.on(self.centring_.map_rows(query_embeddings))
        log_odds = self.calibration_.log_odds(evidence)
        if self.contamination > 0:
            log_odds[~query_embeddings.any(axis=1)] = -np.inf  # of no class, unless contamination is 0
        known = (
            expit(log_odds + logit(1 - self.contamination))
            if self.contamination < 1
            else np.zeros(len(query_embeddings))
        )
        given_known = self.calibration_.class_probability(evidence, log_odds, self.contamination)
        ranking = rank_by_probability(
            self.shots_,
            self.classes_,
            np.asarray(query_embeddings, dtype=np.float32),
            evidence.codes,
            given_known,
            known,
            k,
        )
        named, effective = ranking.codes[:, 0] >= 0, self.calibration_.effective
        return replace(
            ranking,
            expected=expect(named, given_known.max(axis=1), known[None], effective) if effective else None,
            distractor_score=expit(-log_odds).astype(np.float32),
            contamination=self.contamination,
            rejection_summary=f"contamination {self.contamination:.2f}, as expected of any query",
        )

    def _run_episode(
        self, episode: Episode, centred: Floats, codes: Ints, labelled: Floats, n_episodes: int
    ) -> EpisodeEvidence:
        left = np.unique(codes[episode.gallery_rows])
        against = GalleryEvidence.of(
            centred[episode.gallery_rows], np.searchsorted(left, codes[episode.gallery_rows]), self.seed
        )
        return EpisodeEvidence(
            known=against.on(centred[episode.heldout_shot_rows]),
            known_codes=np.searchsorted(left, codes[episode.heldout_shot_rows]),
            known_weight=representativeness(codes, episode, np.zeros(len(self.classes_))),
            known_groups=codes[episode.heldout_shot_rows],
            class_sizes=np.bincount(codes)[codes[episode.heldout_shot_rows]],
            distractors=against.on(np.concatenate([centred[episode.heldout_class_rows], labelled])),
            **distractor_examples(codes[episode.heldout_class_rows], len(labelled), n_episodes),
            queries=against.on(centred[:0]),
            in_heldout_class=np.zeros(0, bool),
        )

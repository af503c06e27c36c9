"""The default recognizer: it learns from the unlabelled queries too, and says how sure it is."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.by_probability import rank_by_probability
from fieldguide.recognition.calibration import Calibration, EpisodeEvidence, calibrate, dense_probability
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.copies import distinct_shots
from fieldguide.recognition.episodes import (
    Episode,
    distractor_examples,
    draw_episodes,
    encounter_of_class,
    encounters_a_class,
    representativeness,
    sample_distractors,
)
from fieldguide.recognition.evidence import Evidence, gather_evidence
from fieldguide.recognition.expectation import expect
from fieldguide.recognition.feedback import RehearsedGraph, feed_back, group_by_neighbours, helps
from fieldguide.recognition.labels import check_rank, encode
from fieldguide.recognition.links import MatchLinks
from fieldguide.recognition.match_gate import Rehearsed, choose, scores_of
from fieldguide.recognition.neighbourhood import REHEARSED, Neighbourhood, RehearsedNeighbourhood, number_copies
from fieldguide.recognition.propagation import smooth_over
from fieldguide.recognition.ranking import Ranking
from fieldguide.recognition.recognizer import RankingMixin
from fieldguide.recognition.shots import Shots


class TransductiveClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Rank labels, the unknown one among them, by probability; a query is answered with the help of the others.

    1. Embeddings are centred on gallery and queries together, and whitened within classes.
    2. Labels spread over the neighbour graph of gallery and queries.
    3. The same is rehearsed in episodes with some classes and some shots held out as queries, from which is learned how
       known queries and distractors differ, and how far the ranking can be trusted.
    4. The contamination is estimated from all queries; a query's log odds mix with those around it.

    `docs/method.md` says why. `predict` and `predict_proba` answer among the classes, as those of a scikit-learn
    classifier must; `rank` knows the unknown label. All depend on the other rows of X: that is what transductive means.

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

    def fit(
        self, X: ArrayLike, y: ArrayLike, distractors: ArrayLike | None = None, encounters: ArrayLike | None = None
    ) -> Self:
        """Keep the gallery.

        Parameters
        ----------
        X : (n_pictures, dim) embeddings
        y : (n_pictures,) labels
        distractors : (n, dim) embeddings of pictures known to be of no class, if there are any: examples for the
            calibration, beside those that it makes by holding out classes
        encounters : (n_pictures,) names or numbers of the encounters, if they are known: pictures of one never count
            as two shots when the recognizer rehearses, as queries have no twin in the gallery
        """
        gallery_embeddings, labels = validate_data(self, X, y, dtype=np.float32)
        if self.contamination is not None and not 0 <= self.contamination <= 1:
            raise ValueError(f"contamination is a share from 0 to 1, not {self.contamination}")
        self.classes_, self.codes_ = encode(labels)
        self.gallery_ = gallery_embeddings
        self.encounters_ = _encounters(encounters, len(labels))
        self.distractors_ = sample_distractors(distractors, gallery_embeddings.shape[1], self.seed)
        return self

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,), as if there were no distractors."""
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=np.float32)
        evidence, _ = gather_evidence(*self._task(query_embeddings)[:2], self.seed)
        return self.classes_[evidence.best()[: len(query_embeddings)]]

    def predict_proba(self, X: ArrayLike) -> Anything:
        """Give the probability of each class for each query, (n, n_classes), as if there were no distractors.

        The sixteen candidates at most that a query has share the probability; other classes have 0. `rank` needs no
        matrix of queries by classes, and knows distractors.
        """
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=np.float32)
        rehearsed, _, _ = self._calibrate(query_embeddings, None)
        evidence, calibration = rehearsed.evidence, rehearsed.calibration
        log_odds = self._log_odds(evidence, rehearsed.neighbourhood, calibration)
        given_known = calibration.class_probability(evidence, log_odds, self.contamination)
        return dense_probability(evidence, given_known, len(self.classes_))

    def rank(self, X: ArrayLike, k: int = 5, matches: Any = None) -> Ranking:
        """Rank labels for each query.

        Parameters
        ----------
        X : (n, dim) embeddings; the more of the queries at once the better
        k : how many labels, at least 1
        matches : (n_pictures + n, n_pictures + n) sparse, symmetric: match scores of pairs, of the gallery's pictures
            as they were fitted, then of the queries; 0 where a pair does not match. They are used as far as the gallery
            and the rehearsals show that they are worth it, which the ranking's `explanation` says; None for none

        Returns
        -------
        A ranking by probability, the unknown label among the others unless the contamination is 0. The distractor
        score is the probability of a distractor, were as many queries distractors as not. With it come the
        contamination, estimated or as given, and the 90% interval of an estimate.
        """
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=np.float32)
        check_rank(self.classes_, k)
        chosen, n_distinct, said = self._calibrate(query_embeddings, matches)
        evidence, neighbourhood, calibration = chosen.evidence, chosen.neighbourhood, chosen.calibration
        contamination, interval, summary = self._contamination(calibration)
        log_odds = self._log_odds(evidence, neighbourhood, calibration)
        known = calibration.known(log_odds, self.contamination)
        given_known = calibration.class_probability(evidence, log_odds, self.contamination)
        blank = ~query_embeddings.any(axis=1) & (contamination > 0)  # of no class, unless contamination is 0
        known[:, blank], log_odds[blank] = 0, -np.inf
        ranking = rank_by_probability(
            Shots.of(self.gallery_, self.codes_),
            self.classes_,
            query_embeddings,
            evidence.codes,
            given_known,
            known.mean(axis=0),
            k,
        )
        named, effective = ranking.codes[:, 0] >= 0, calibration.effective
        n_twins = len(self.codes_) - n_distinct
        return replace(
            ranking,
            distractor_score=expit(-log_odds).astype(np.float32),
            contamination=contamination,
            contamination_interval=interval,
            rejection_summary=summary,
            explanation="\n".join(filter(None, [_twins_in_words(n_twins), said])),
            expected=expect(named, given_known.max(axis=1), known, effective) if effective else None,
            neighbourhood=neighbourhood,
        )

    def _task(self, query_embeddings: Floats) -> tuple[CentredRows, Ints, Ints]:
        """Give gallery and queries, labelled distractors the last of them, their classes, and the gallery's rows.

        Queries have the class -1; of twins in the gallery only one is there.
        """
        if len(self.distractors_):
            query_embeddings = np.concatenate([query_embeddings, self.distractors_])
        pictures = CentredRows.about_their_centre(self.gallery_, query_embeddings, self.seed)
        n = len(self.codes_)
        queries = np.arange(n, len(pictures))
        rows = distinct_shots(pictures.of(np.arange(n)), self.codes_, pictures.of(queries), self.seed)
        codes = np.concatenate([self.codes_[rows], np.full(len(queries), -1)])
        if len(rows) < n:  # the centre is that of what is left
            pictures = CentredRows.about_their_centre(self.gallery_[rows], query_embeddings, self.seed)
        return pictures, codes, rows

    def _calibrate(self, query_embeddings: Floats, matches: Any) -> tuple[Rehearsed, int, str]:
        """Gather evidence on the queries and rehearse, with match scores or without, as is better.

        Returns
        -------
        What came of it, how many shots are distinct, and in words what match scores are used for.
        """
        pictures, codes, rows = self._task(query_embeddings)
        shots = codes[codes >= 0]
        encounters = np.arange(len(shots)) if self.encounters_ is None else self.encounters_[rows]

        def rehearse(links: MatchLinks | None) -> Rehearsed:
            return self._rehearse(query_embeddings, pictures, codes, encounters, links)

        without = rehearse(None)
        if matches is None:
            return without, len(shots), ""
        scores = scores_of(matches, rows, len(self.codes_), len(pictures))
        chosen, said = choose(without, rehearse, pictures, codes, encounters, scores, self.seed)
        return chosen, len(shots), said

    def _rehearse(
        self, query_embeddings: Floats, pictures: CentredRows, codes: Ints, encounters: Ints, links: MatchLinks | None
    ) -> Rehearsed:
        """Give the evidence on the queries, how they lie, and what episodes say, all with the same links."""
        evidence, graph = gather_evidence(pictures, codes, self.seed, links)
        n = len(query_embeddings)
        evidence, codes = evidence.of(slice(n)), codes[codes >= 0]
        queries = slice(len(codes), len(codes) + n)
        guesses = evidence.best()
        sizes = encounters_a_class(codes, encounter_of_class(codes, encounters))
        episodes = list(draw_episodes(codes, self.seed, encounters))
        answered: list[EpisodeEvidence] = []
        seen: list[tuple[Episode, Evidence, Any]] = []
        for episode in episodes:
            of_episode, on_all, episode_graph = self._run_episode(
                episode, pictures, codes, sizes, guesses, len(episodes), links
            )
            answered.append(of_episode)
            if len(seen) < REHEARSED:
                seen.append((episode, on_all, episode_graph))
        calibration = calibrate(answered, guesses, len(self.classes_), self.seed)
        rehearsed = [
            RehearsedGraph.of(one, around, calibration.log_odds(on_all), len(codes)) for one, on_all, around in seen
        ]
        neighbourhood = Neighbourhood(
            graph[queries, queries],
            [RehearsedNeighbourhood.of(one, around, codes, n) for one, _, around in seen],
            number_copies(query_embeddings),
            group_by_neighbours(graph)[queries] if helps(rehearsed) else None,
        )
        return Rehearsed(evidence, neighbourhood, calibration, answered)

    def _run_episode(
        self,
        episode: Episode,
        pictures: CentredRows,
        codes: Ints,
        sizes: Ints,
        guesses: Ints,
        n_episodes: int,
        links: MatchLinks | None,
    ) -> tuple[EpisodeEvidence, Evidence, Any]:
        """Give what calibration learns from, the evidence on all that are queries here, and their graph.

        `guesses` are the likeliest classes of the real queries.
        """
        left = np.unique(codes[episode.gallery_rows])
        codes_left = np.full(len(pictures), -1)
        codes_left[episode.gallery_rows] = np.searchsorted(left, codes[episode.gallery_rows])
        evidence, graph = gather_evidence(pictures, codes_left, self.seed, links)
        heldout = np.setdiff1d(np.arange(len(codes)), episode.gallery_rows)
        labelled = len(heldout) + len(guesses) + np.arange(len(self.distractors_))
        of_episode = EpisodeEvidence(
            known=evidence.of(np.searchsorted(heldout, episode.heldout_shot_rows)),
            known_codes=np.searchsorted(left, codes[episode.heldout_shot_rows]),
            known_weight=representativeness(codes, episode, np.bincount(guesses, minlength=len(self.classes_))),
            known_groups=codes[episode.heldout_shot_rows],
            class_sizes=sizes[codes[episode.heldout_shot_rows]],
            distractors=evidence.of(np.concatenate([np.searchsorted(heldout, episode.heldout_class_rows), labelled])),
            **distractor_examples(codes[episode.heldout_class_rows], len(labelled), n_episodes),
            queries=evidence.of(slice(len(heldout), len(heldout) + len(guesses))),
            in_heldout_class=episode.heldout_classes[guesses],
        )
        return of_episode, evidence, graph

    def _log_odds(self, evidence: Evidence, neighbourhood: Neighbourhood, calibration: Calibration) -> Anything:
        """(n,) log odds of known against distractor, mixed with those of queries around, and of the same group."""
        log_odds = smooth_over(neighbourhood.graph, calibration.log_odds(evidence))
        return log_odds if neighbourhood.groups is None else feed_back(log_odds, neighbourhood.groups)

    def _contamination(self, calibration: Calibration) -> tuple[float, tuple[float, float] | None, str]:
        """Give the share of distractors to go by, the interval of an estimate, and both in words."""
        if self.contamination is not None:
            return self.contamination, None, f"contamination {self.contamination:.2f}, as given"
        share, (low, high) = calibration.posterior.mean, calibration.posterior.interval()
        words = f"estimated contamination {share:.2f} (90% interval {low:.2f} to {high:.2f})"
        return share, (low, high), words


def _encounters(encounters: ArrayLike | None, n: int) -> Ints | None:
    """Give encounters as numbers, (n,).

    Raises
    ------
    ValueError : there is not one a picture.
    """
    if encounters is None:
        return None
    names = np.asarray(encounters)
    if names.shape != (n,):
        raise ValueError(f"there are {len(names):,} encounters for {n:,} pictures: each has one")
    numbers: Ints = np.unique(names, return_inverse=True)[1]
    return numbers


def _twins_in_words(n_twins: int) -> str:
    if not n_twins:
        return ""
    return f"{n_twins:,} labelled pictures are copies or near copies of others, and count once with these"

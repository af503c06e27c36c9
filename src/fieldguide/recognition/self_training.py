"""Self-training over any recognizer: sure answers become labels, as long as hidden gallery shots bear them out.

scikit-learn's `SelfTrainingClassifier` takes every answer above a fixed probability. A recognizer of few shots gives
no probability that means what it says, and among the queries are distractors, whose answers are all wrong; so here the
gallery says how sure is sure enough, and whether a round did good.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition.cosine import CosineClassifier
from fieldguide.recognition.labels import FLOATS, check_rank, encode
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import NOTHING, Ranking
from fieldguide.recognition.recognizer import RankingMixin, Recognizer
from fieldguide.recognition.shots import Shots

FOLDS = 3  # times that a shot of every class is hidden
ENOUGH_HIDDEN = 30  # hidden shots; fewer prove nothing
CONTAMINATION = 0.3  # the share of distractors that answers must be sure against


@dataclass
class _Course:
    """One run of self-training: a gallery, and the queries that were given labels.

    Attributes
    ----------
    gallery, codes : (n_pictures, dim) and (n_pictures,)
    queries : (n, dim)
    hidden : (n_hidden,) the classes of the last of the queries, which are hidden shots; none in the run that counts
    given : (n,) the codes that queries were given, -1 for none
    """

    gallery: Anything
    codes: Ints
    queries: Anything
    hidden: Ints
    given: Ints

    def answer(self, recognizer: Recognizer) -> Ranking:
        """Fit a recognizer on the gallery and the labels given so far, and rank three classes for every query."""
        labelled = np.flatnonzero(self.given >= 0)
        X = np.concatenate([self.gallery, self.queries[labelled]])
        y = np.concatenate([self.codes, self.given[labelled]])
        fitted: Recognizer = clone(recognizer).fit(X, y)
        return fitted.rank(self.queries, 3)

    @property
    def n_real(self) -> int:
        """How many of the queries are queries."""
        return len(self.queries) - len(self.hidden)


class SelfTrainingClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Give labels to the queries that a recognizer is surest of, and let it learn from those too, in rounds.

    Every round is rehearsed with one shot of each class hidden among the queries. A hidden shot is a known query; with
    its own class struck from its answer, a distractor. The least confidence at which enough of the answers are right,
    were `CONTAMINATION` of the queries distractors, is what a query needs for a label. A round after which fewer hidden
    shots are answered rightly is taken back, and is the last.

    `predict` and `rank` depend on the other rows of X: that is what transductive means.

    Parameters
    ----------
    recognizer : ranks classes; `CosineClassifier` unless given
    precision : share of the labels given that must be right, in rehearsal
    rounds : at most
    seed : of which shots are hidden

    Attributes
    ----------
    classes_ : (n_classes,) the labels, sorted

    Sources: Scudder, Probability of error of some adaptive pattern-recognition machines, 1965; Yarowsky, ACL 1995.
    """

    def __init__(
        self, recognizer: Recognizer | None = None, precision: float = 0.9, rounds: int = 5, seed: int = 0
    ) -> None:
        self.recognizer = recognizer
        self.precision = precision
        self.rounds = rounds
        self.seed = seed

    def fit(self, X: Anything, y: Anything) -> Self:
        """Keep the gallery: X (n_pictures, dim) embeddings, y (n_pictures,) labels."""
        X, y = validate_data(self, X, y, dtype=FLOATS)
        self.classes_, self.codes_ = encode(y)
        self.gallery_ = X.astype(np.float32, copy=False)
        return self

    def predict(self, X: Anything) -> Anything:
        """Give the likeliest class of each query, (n,)."""
        best = self._answer(X, k=1).codes[:, 0]
        likeliest: Anything = self.classes_[best]
        return likeliest

    def rank(self, X: Anything, k: int = 5) -> Ranking:
        """Rank classes for each query, (n, dim) embeddings: all that are to be answered at once.

        Returns
        -------
        What the recognizer gives once it has learned from the sure queries too; similarity and nearest picture are
        those of the gallery, and its `explanation` says how many queries were given labels, in how many rounds.
        """
        check_is_fitted(self)
        check_rank(self.classes_, k)
        return self._answer(X, k)

    def _answer(self, X: Anything, k: int) -> Ranking:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=FLOATS).astype(np.float32, copy=False)
        base = CosineClassifier() if self.recognizer is None else self.recognizer
        given, explanation = self._train(base, X)
        labelled = np.flatnonzero(given >= 0)
        fitted = clone(base).fit(
            np.concatenate([self.gallery_, X[labelled]]), np.concatenate([self.codes_, given[labelled]])
        )
        ranking: Ranking = fitted.rank(X, k)
        nearest, similarity = Shots.of(self.gallery_, self.codes_).nearest(unit_rows(X), np.maximum(ranking.codes, 0))
        none = ranking.codes == NOTHING
        ranking = replace(
            ranking,
            classes=self.classes_,
            similarity=np.where(none, np.float32(np.nan), similarity),
            nearest=np.where(none, -1, nearest),
            explanation=explanation,
        )
        return ranking

    def _train(self, base: Recognizer, X: Floats) -> tuple[Ints, str]:
        """Give labels in rounds, rehearsed on the side: (n,) codes, -1 for none, and how many in words."""
        real = _Course(self.gallery_, self.codes_, X, np.empty(0, np.int64), np.full(len(X), -1))
        courses, before = [real, *self._rehearsals(X)], -1.0
        kept, kept_rounds = real.given.copy(), 0
        for done in range(self.rounds + 1):
            n_hidden = sum(len(course.hidden) for course in courses)
            if n_hidden < ENOUGH_HIDDEN:
                break
            answers = [course.answer(base) for course in courses[1:]]
            trials = [_trial(course, answer) for course, answer in zip(courses[1:], answers, strict=True)]
            right = float(np.concatenate([trial.right for trial in trials]).mean())
            if right < before:
                break
            kept, kept_rounds, before = real.given.copy(), done, right
            least = _least_confidence(trials, self.precision)
            if not np.isfinite(least) or done == self.rounds:
                break
            found = [
                _sure(course, answer, least)
                for course, answer in zip(courses, [real.answer(base), *answers], strict=True)
            ]
            if (found[0] == real.given).all():
                break
            for course, codes in zip(courses, found, strict=True):
                course.given = codes
        explanation = f"{(kept >= 0).sum():,} queries were given labels, in {kept_rounds} rounds"
        return kept, explanation

    def _rehearsals(self, X: Floats) -> list[_Course]:
        """Hide a shot of every class that has several among the queries, another each time."""
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(self.codes_))
        order = order[np.argsort(self.codes_[order], kind="stable")]
        size = np.bincount(self.codes_)
        place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
        courses = []
        for fold in range(FOLDS):
            hidden = order[(size[self.codes_[order]] > 1) & (place == fold)]
            kept = np.setdiff1d(np.arange(len(order)), hidden)
            queries = np.concatenate([X, self.gallery_[hidden]])
            codes = self.codes_
            courses.append(_Course(self.gallery_[kept], codes[kept], queries, codes[hidden], np.full(len(queries), -1)))
        return courses


@dataclass(frozen=True)
class _Trial:
    """How hidden shots were answered: the confidence of each, whether it was right, and that of it as a distractor."""

    confidence: Anything
    right: Flags
    as_distractor: Anything


def _trial(course: _Course, answer: Ranking) -> _Trial:
    hidden = np.arange(course.n_real, len(course.queries))
    codes = answer.codes[hidden]
    scores = _scores(answer)[hidden]
    own = codes == course.hidden[:, None]
    order = np.argsort(own, axis=1, kind="stable")  # the own class last, so that it falls away
    return _Trial(_lead(scores), own[:, 0], _lead(np.take_along_axis(np.where(own, 0, scores), order, axis=1)))


def _scores(answer: Ranking) -> Anything:
    """(n, 3): probabilities, or similarities where the recognizer gives none; 0 for no class."""
    known = np.isnan(answer.probability[:, 0]).any()
    return np.nan_to_num(answer.similarity if known else answer.probability)


def _lead(scores: Anything) -> Anything:
    """How far the best is ahead of the next: (n,)."""
    return scores[:, 0] - scores[:, 1]


def _sure(course: _Course, answer: Ranking, least: float) -> Ints:
    """Give the answers that are sure enough; hidden shots keep none, or they would answer themselves."""
    sure = _lead(_scores(answer)) >= least
    sure[course.n_real :] = False
    return np.where(sure, answer.codes[:, 0], -1)


def _least_confidence(trials: list[_Trial], precision: float) -> float:
    """Find the least confidence from which on enough answers are right; infinite if there is none."""
    confidence, right, as_distractor = (
        np.concatenate([getattr(trial, name) for trial in trials]) for name in ("confidence", "right", "as_distractor")
    )
    order = np.argsort(-confidence)
    levels = confidence[order]
    rightly, taken = np.cumsum(right[order]), np.arange(1, len(order) + 1)
    strangers = (as_distractor[None, :] >= levels[:, None]).sum(axis=1)
    share = (1 - CONTAMINATION) * rightly / ((1 - CONTAMINATION) * taken + CONTAMINATION * strangers)
    enough = np.flatnonzero((share >= precision) & (taken >= ENOUGH_HIDDEN // 3))
    return float(levels[enough[-1]]) if len(enough) else float("inf")

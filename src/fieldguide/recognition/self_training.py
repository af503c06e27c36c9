"""Self-training over any recognizer: sure answers become pseudo-labels, as long as held-out shots confirm them.

scikit-learn's `SelfTrainingClassifier` takes every answer above a fixed probability. A recognizer of few shots gives
no probability that means what it says, and among the queries are distractors, whose answers are all wrong; so here
held-out gallery shots decide how sure is sure enough, and whether a round helped.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition.cosine import CosineClassifier
from fieldguide.recognition.labels import FLOATS, check_rank, encode
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.ranking import NOTHING, Ranking
from fieldguide.recognition.recognizer import RankingMixin, Recognizer
from fieldguide.recognition.shots import Shots

FOLDS = 3  # times that a shot of every class is held out
ENOUGH_HELDOUT = 30  # held-out shots; fewer prove nothing
CONTAMINATION = 0.3  # the share of distractors that precision is computed for


@dataclass
class _Run:
    """One run of self-training: a gallery, and queries with pseudo-labels.

    Attributes
    ----------
    gallery_embeddings, codes : (n_pictures, dim) and (n_pictures,)
    query_embeddings : (n, dim), held-out shots the last of them
    heldout_codes : (n_heldout,) the classes of those shots; none in the run that counts
    pseudo_labels : (n,) codes, -1 for none
    """

    gallery_embeddings: Floats
    codes: Ints
    query_embeddings: Floats
    heldout_codes: Ints
    pseudo_labels: Ints

    def answer(self, recognizer: Recognizer) -> Ranking:
        """Fit a recognizer on the gallery and the pseudo-labels so far, and rank three classes for every query."""
        labelled = np.flatnonzero(self.pseudo_labels >= 0)
        X = np.concatenate([self.gallery_embeddings, self.query_embeddings[labelled]])
        y = np.concatenate([self.codes, self.pseudo_labels[labelled]])
        fitted: Recognizer = clone(recognizer).fit(X, y)
        return fitted.rank(self.query_embeddings, 3)

    @property
    def n_queries(self) -> int:
        """How many of the queries are no held-out shots."""
        return len(self.query_embeddings) - len(self.heldout_codes)


class SelfTrainingClassifier(RankingMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Give pseudo-labels to the queries that a recognizer is surest of, and let it learn from those too, in rounds.

    Every round is rehearsed with one shot of each class held out as a query. A held-out shot is a known query; with its
    own class removed from its answer, a distractor. A query gets a pseudo-label from the least confidence on at which
    enough of the answers are right, were `CONTAMINATION` of the queries distractors. A round after which fewer held-out
    shots are answered rightly is undone, and is the last.

    `predict` and `rank` depend on the other rows of X: that is what transductive means. There is no `predict_proba`, as
    a recognizer that ranks need not give probabilities.

    Parameters
    ----------
    recognizer : ranks classes; `CosineClassifier` unless given
    precision : share of the pseudo-labels that must be right, of held-out shots
    rounds : at most
    seed : of which shots are held out

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

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Keep the gallery: X (n_pictures, dim) embeddings, y (n_pictures,) labels."""
        gallery_embeddings, labels = validate_data(self, X, y, dtype=FLOATS)
        self.classes_, self.codes_ = encode(labels)
        self.gallery_ = gallery_embeddings.astype(np.float32, copy=False)
        return self

    def predict(self, X: ArrayLike) -> Anything:
        """Give the likeliest class of each query, (n,)."""
        best = self._answer(X, k=1).codes[:, 0]
        likeliest: Anything = self.classes_[best]
        return likeliest

    def rank(self, X: ArrayLike, k: int = 5) -> Ranking:
        """Rank classes for each query, (n, dim) embeddings: all that are to be answered at once.

        Returns
        -------
        What the recognizer gives once it has learned from the sure queries too; similarity and nearest picture are
        those of the gallery, and its `explanation` says how many queries were given labels, in how many rounds.
        """
        check_is_fitted(self)
        check_rank(self.classes_, k)
        return self._answer(X, k)

    def _answer(self, X: ArrayLike, k: int) -> Ranking:
        check_is_fitted(self)
        query_embeddings = validate_data(self, X, reset=False, dtype=FLOATS).astype(np.float32, copy=False)
        base = CosineClassifier() if self.recognizer is None else self.recognizer
        pseudo_labels, explanation = self._train(base, query_embeddings)
        labelled = np.flatnonzero(pseudo_labels >= 0)
        fitted = clone(base).fit(
            np.concatenate([self.gallery_, query_embeddings[labelled]]),
            np.concatenate([self.codes_, pseudo_labels[labelled]]),
        )
        ranking: Ranking = fitted.rank(query_embeddings, k)
        nearest, similarity = Shots.of(self.gallery_, self.codes_).nearest(
            unit_rows(query_embeddings), np.maximum(ranking.codes, 0)
        )
        none = ranking.codes == NOTHING
        ranking = replace(
            ranking,
            classes=self.classes_,
            similarity=np.where(none, np.float32(np.nan), similarity),
            nearest=np.where(none, -1, nearest),
            explanation=explanation,
        )
        return ranking

    def _train(self, base: Recognizer, query_embeddings: Floats) -> tuple[Ints, str]:
        """Find pseudo-labels in rounds: (n,) codes, -1 for none, and in words how many."""
        real = _Run(
            self.gallery_, self.codes_, query_embeddings, np.empty(0, np.int64), np.full(len(query_embeddings), -1)
        )
        runs, before = [real, *self._rehearsal_runs(query_embeddings)], -1.0
        kept, kept_rounds = real.pseudo_labels.copy(), 0
        for done in range(self.rounds + 1):
            n_heldout = sum(len(run.heldout_codes) for run in runs)
            if n_heldout < ENOUGH_HELDOUT:
                break
            answers = [run.answer(base) for run in runs[1:]]
            heldout = [_heldout_answers(run, answer) for run, answer in zip(runs[1:], answers, strict=True)]
            right = float(np.concatenate([one.right for one in heldout]).mean())
            if right < before:
                break
            kept, kept_rounds, before = real.pseudo_labels.copy(), done, right
            threshold = _confidence_threshold(heldout, self.precision)
            if not np.isfinite(threshold) or done == self.rounds:
                break
            found = [
                _confident_labels(run, answer, threshold)
                for run, answer in zip(runs, [real.answer(base), *answers], strict=True)
            ]
            if (found[0] == real.pseudo_labels).all():
                break
            for run, codes in zip(runs, found, strict=True):
                run.pseudo_labels = codes
        explanation = f"{(kept >= 0).sum():,} queries were given labels, in {kept_rounds} rounds"
        return kept, explanation

    def _rehearsal_runs(self, query_embeddings: Floats) -> list[_Run]:
        """Make a query of one shot of every class that has several, of another each time."""
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(len(self.codes_))
        order = order[np.argsort(self.codes_[order], kind="stable")]
        size = np.bincount(self.codes_)
        place = np.arange(len(order)) - np.repeat(np.cumsum(size) - size, size)
        runs = []
        for fold in range(FOLDS):
            heldout = order[(size[self.codes_[order]] > 1) & (place == fold)]
            kept = np.setdiff1d(np.arange(len(order)), heldout)
            queries = np.concatenate([query_embeddings, self.gallery_[heldout]])
            codes = self.codes_
            runs.append(_Run(self.gallery_[kept], codes[kept], queries, codes[heldout], np.full(len(queries), -1)))
        return runs


@dataclass(frozen=True)
class _HeldoutAnswers:
    """How held-out shots were answered.

    Attributes
    ----------
    confidence : (n_heldout,) of each answer
    right : (n_heldout,) whether it was right
    as_distractor : (n_heldout,) confidence of the answer without the own class
    """

    confidence: Anything
    right: Flags
    as_distractor: Anything


def _heldout_answers(run: _Run, answer: Ranking) -> _HeldoutAnswers:
    rows = np.arange(run.n_queries, len(run.query_embeddings))
    codes = answer.codes[rows]
    scores = _scores(answer)[rows]
    own = codes == run.heldout_codes[:, None]
    order = np.argsort(own, axis=1, kind="stable")  # the own class last, so that it does not count
    return _HeldoutAnswers(
        _margin(scores), own[:, 0], _margin(np.take_along_axis(np.where(own, 0, scores), order, axis=1))
    )


def _scores(answer: Ranking) -> Anything:
    """(n, 3): probabilities, or similarities where the recognizer gives none; 0 for no class."""
    by_similarity = np.isnan(answer.probability[:, 0]).any()
    return np.nan_to_num(answer.similarity if by_similarity else answer.probability)


def _margin(scores: Anything) -> Anything:
    """(n,) difference between the best score and the next."""
    return scores[:, 0] - scores[:, 1]


def _confident_labels(run: _Run, answer: Ranking, threshold: float) -> Ints:
    """Give the answers that are sure enough; held-out shots get none, or they would answer themselves."""
    sure = _margin(_scores(answer)) >= threshold
    sure[run.n_queries :] = False
    return np.where(sure, answer.codes[:, 0], -1)


def _confidence_threshold(heldout: list[_HeldoutAnswers], precision: float) -> float:
    """Find the least confidence from which on enough answers are right; infinite if there is none."""
    confidence, right, as_distractor = (
        np.concatenate([getattr(one, name) for one in heldout]) for name in ("confidence", "right", "as_distractor")
    )
    order = np.argsort(-confidence)
    levels = confidence[order]
    rightly, taken = np.cumsum(right[order]), np.arange(1, len(order) + 1)
    distractors = (as_distractor[None, :] >= levels[:, None]).sum(axis=1)
    share = (1 - CONTAMINATION) * rightly / ((1 - CONTAMINATION) * taken + CONTAMINATION * distractors)
    enough = np.flatnonzero((share >= precision) & (taken >= ENOUGH_HELDOUT // 3))
    return float(levels[enough[-1]]) if len(enough) else float("inf")

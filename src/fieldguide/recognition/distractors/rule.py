"""What a distractor rule is: it sees gallery, queries and their ranking, and gives a verdict."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from sklearn.base import BaseEstimator

from fieldguide.core.arrays import Flags, Floats, Ints
from fieldguide.recognition.ranking import Ranking


@dataclass(frozen=True)
class Verdict:
    """Which of n queries are distractors.

    Attributes
    ----------
    is_distractor : (n,)
    score : (n,) float32, higher for queries that look more like distractors
    summary : one line for the user: by what number they were told apart
    """

    is_distractor: Flags
    score: Floats
    summary: str

    @property
    def contamination(self) -> float:
        """The share of distractors among the queries."""
        return float(self.is_distractor.mean()) if len(self.is_distractor) else 0.0


class DistractorRule(Protocol):
    """Calls queries distractors, without knowing the truth of any."""

    def judge(self, gallery: Floats, codes: Ints, queries: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict on every query.

        Parameters
        ----------
        gallery : (n_pictures, dim) embeddings
        codes : (n_pictures,) their classes, 0 to n_classes - 1, none missing
        queries : (n, dim) embeddings
        ranking : of the n queries by a recognizer, without the unknown label
        """


class ClusterRule(BaseEstimator, ABC):  # type: ignore[misc]
    """A rule that clusters directions: pictures without one, whose embedding is all zeros, stay outside.

    Such a query shows nothing of any class, and is a distractor; such a gallery picture stands for nothing.
    """

    def judge(self, gallery: Floats, codes: Ints, queries: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and look which clusters hold gallery pictures."""
        shown, asked = gallery.any(axis=1), queries.any(axis=1)
        if shown.all() and asked.all():
            return self._judge(gallery, codes, queries, ranking)
        n_blank = int((~asked).sum())
        is_distractor, score = np.ones(len(queries), bool), np.ones(len(queries), np.float32)
        summary = f"{n_blank} of {len(queries)} embeddings of queries are zeros, which are distractors"
        if shown.any() and asked.any():
            kept = np.unique(codes[shown], return_inverse=True)[1]
            verdict = self._judge(gallery[shown], kept, queries[asked], ranking.of(np.flatnonzero(asked)))
            is_distractor[asked], score[asked] = verdict.is_distractor, verdict.score
            summary = f"{verdict.summary}; {summary}" if n_blank else verdict.summary
        return Verdict(is_distractor, score, summary)

    @abstractmethod
    def _judge(self, gallery: Floats, codes: Ints, queries: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict where every embedding has a direction."""


class NoRule(BaseEstimator):  # type: ignore[misc]
    """Calls nothing a distractor: the closed set."""

    def judge(self, gallery: Floats, codes: Ints, queries: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict that all are known."""
        nothing = np.zeros(len(ranking), bool)
        return Verdict(nothing, ranking.distractor_score, "nothing is called a distractor")

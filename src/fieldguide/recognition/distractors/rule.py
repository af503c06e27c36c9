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
    summary : one line for the user: how they were found
    """

    is_distractor: Flags
    score: Floats
    summary: str

    @property
    def contamination(self) -> float:
        """The share of distractors among the queries."""
        return float(self.is_distractor.mean()) if len(self.is_distractor) else 0.0


class DistractorRule(Protocol):
    """An estimator that calls queries distractors, without a label of any."""

    def judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict on every query.

        Parameters
        ----------
        gallery_embeddings : (n_pictures, dim) embeddings
        codes : (n_pictures,) their classes, 0 to n_classes - 1, none missing
        query_embeddings : (n, dim) embeddings
        ranking : of the n queries by a recognizer, without the unknown label
        """


class ClusterRule(BaseEstimator, ABC):  # type: ignore[misc]
    """A rule that clusters directions: pictures without one, whose embedding is all zeros, stay outside.

    Such a query is a distractor; such a gallery picture is left out.
    """

    def judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Cluster, and find the clusters without gallery pictures."""
        gallery_rows, query_rows = gallery_embeddings.any(axis=1), query_embeddings.any(axis=1)  # that have a direction
        if gallery_rows.all() and query_rows.all():
            return self._judge(gallery_embeddings, codes, query_embeddings, ranking)
        n_blank = int((~query_rows).sum())
        is_distractor, score = np.ones(len(query_embeddings), bool), np.ones(len(query_embeddings), np.float32)
        summary = f"{n_blank} of {len(query_embeddings)} embeddings of queries are zeros, which are distractors"
        if gallery_rows.any() and query_rows.any():
            codes_left = np.unique(codes[gallery_rows], return_inverse=True)[1]
            verdict = self._judge(
                gallery_embeddings[gallery_rows],
                codes_left,
                query_embeddings[query_rows],
                ranking.of(np.flatnonzero(query_rows)),
            )
            is_distractor[query_rows], score[query_rows] = verdict.is_distractor, verdict.score
            summary = f"{verdict.summary}; {summary}" if n_blank else verdict.summary
        return Verdict(is_distractor, score, summary)

    @abstractmethod
    def _judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict where every embedding has a direction."""


class NoRule(BaseEstimator):  # type: ignore[misc]
    """Calls nothing a distractor: the closed set."""

    def judge(self, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict that all are known."""
        nothing = np.zeros(len(ranking), bool)
        return Verdict(nothing, ranking.distractor_score, "nothing is called a distractor")

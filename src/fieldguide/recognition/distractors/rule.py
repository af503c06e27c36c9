"""What a distractor rule is: it sees gallery, queries and their ranking, and gives a verdict."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fieldguide.arrays import Flags, Floats, Ints
from fieldguide.recognition.ranking import Ranking


@dataclass(frozen=True)
class Verdict:
    """Which of n queries are distractors.

    Attributes
    ----------
    is_distractor : (n,)
    score : (n,) float32, higher for queries that look more like distractors
    account : one line for the user: by what number they were told apart
    """

    is_distractor: Flags
    score: Floats
    account: str

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


@dataclass(frozen=True)
class NoRule:
    """Calls nothing a distractor: the closed set."""

    def judge(self, gallery: Floats, codes: Ints, queries: Floats, ranking: Ranking) -> Verdict:
        """Give the verdict that all are known."""
        nothing = np.zeros(len(ranking), bool)
        return Verdict(nothing, ranking.distractor_score, "nothing is called a distractor")

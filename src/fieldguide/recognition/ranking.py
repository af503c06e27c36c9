"""The answers: for each query at most k labels, best first, the unknown label among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints

UNKNOWN = -1  # the code of the unknown label
UNKNOWN_LABEL = "-1"  # unless told otherwise
NOTHING = -2  # the code where there are fewer than k answers
PER_QUERY = ("codes", "similarity", "nearest", "distractor_score", "probability")


@dataclass(frozen=True)
class Ranking:
    """Labels for n queries, as codes into `classes`.

    Attributes
    ----------
    classes : (n_classes,) the labels that codes stand for
    codes : (n, k) int64, best first; `UNKNOWN` for the unknown label, `NOTHING` after the last answer
    similarity : (n, k) float32, cosine between the query and the nearest gallery picture of the class;
        NaN for the unknown label
    nearest : (n, k) int64, the row of that gallery picture, -1 for none
    distractor_score : (n,) float32, higher for queries that look more like distractors
    probability : (n, k) float32, NaN where the recognizer gives none
    unknown : the unknown label
    names : (n,) what the queries are called; their numbers if nothing else is known
    """

    classes: Anything
    codes: Ints
    similarity: Floats
    nearest: Ints
    distractor_score: Floats
    probability: Floats
    unknown: str = UNKNOWN_LABEL
    names: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[tuple[str, list[str]]]:
        """Go through the queries: name and labels, best first."""
        for row in range(len(self)):
            yield (self.names[row] if len(self.names) else str(row)), self.labels(row)

    def labels(self, row: int) -> list[str]:
        """Give the labels of one query, best first, as text."""
        return [
            self.unknown if code == UNKNOWN else str(self.classes[code]) for code in self.codes[row] if code != NOTHING
        ]

    def is_unknown(self) -> Flags:
        """(n,) whether the first answer is the unknown label."""
        first: Flags = self.codes[:, 0] == UNKNOWN
        return first

    def of(self, rows: Ints) -> "Ranking":
        """Give the answers of some of the queries."""
        kept = {name: getattr(self, name)[rows] for name in PER_QUERY}
        return replace(self, **kept, names=[self.names[row] for row in rows] if len(self.names) else ())

    def named(self, names: Sequence[str], unknown: str) -> "Ranking":
        """Call the queries by these names, and the unknown label by this one."""
        return replace(self, names=names, unknown=unknown)

    def with_unknown_first(self, distractors: Flags, score: Floats) -> "Ranking":
        """Put the unknown label before the others where `distractors` holds; the last of k falls off.

        Parameters
        ----------
        distractors : (n,) which queries
        score : (n,) the new distractor score
        """

        def shifted(values: Anything, first: object) -> Anything:
            ahead = np.full((len(values), 1), first, values.dtype)
            return np.where(distractors[:, None], np.hstack([ahead, values[:, :-1]]), values)

        return replace(
            self,
            codes=shifted(self.codes, UNKNOWN),
            similarity=shifted(self.similarity, np.nan),
            nearest=shifted(self.nearest, -1),
            probability=shifted(self.probability, np.nan),
            distractor_score=score.astype(np.float32),
        )

    def spread(self, rows: Sequence[int], n: int) -> "Ranking":
        """Put these answers at `rows` of n queries; the others get the unknown label alone and the highest score."""
        blank = Ranking(
            self.classes,
            np.full((n, self.codes.shape[1]), NOTHING),
            np.full((n, self.codes.shape[1]), np.nan, np.float32),
            np.full((n, self.codes.shape[1]), -1),
            np.full(n, np.max(self.distractor_score, initial=0.0), np.float32),
            np.full((n, self.codes.shape[1]), np.nan, np.float32),
            self.unknown,
        )
        blank.codes[:, 0] = UNKNOWN
        for name in PER_QUERY:
            getattr(blank, name)[rows] = getattr(self, name)
        return blank

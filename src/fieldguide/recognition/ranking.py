"""The answers: for each query at most k labels, best first, the unknown label among them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.core.extras import require_pandas
from fieldguide.recognition.expectation import Expectation
from fieldguide.recognition.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN = -1  # the code of the unknown label
UNKNOWN_LABEL = "-1"  # unless another is given
NOTHING = -2  # the code where there are fewer than k answers
NO_GROUP = -1  # the group of queries that are in none
PER_QUERY = ("codes", "similarity", "nearest", "distractor_score", "probability", "unknown_probability", "groups")


class Answer(NamedTuple):
    """What is said of one query.

    Attributes
    ----------
    name : of the query
    labels : best first, the unknown label among them
    """

    name: str
    labels: list[str]


@dataclass(frozen=True, eq=False, repr=False)
class Ranking:
    """Labels for n queries, as codes into `classes`; a sequence of `Answer`s, by number or by the query's name.

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
    contamination : the share of distractors among the queries, estimated, given or called; NaN if none of them
    contamination_interval : its 90% interval, where it was estimated
    rejection_summary : how distractors were found, one line for the user
    explanation : what else the recognizer says of how it came to these answers
    unknown_probability : (n,) float32, that of the unknown label, whether it is among the k answers or not; None where
        the recognizer gives none
    expected : how right the recognizer expects its first answers to be, before `named_above` takes some of them back;
        None where it does not say
    neighbourhood : which queries lie together, for who seeks new classes among them; None where the recognizer has no
        graph of them, and for a part of the queries. It is no part of the answers: rankings are equal without it
    groups : (n,) int64, the new class of each query, 0 the largest, `NO_GROUP` for none; None unless they were sought

    >>> import numpy as np
    >>> from fieldguide import CosineClassifier
    >>> ranking = CosineClassifier().fit(np.eye(3), ["ape", "bee", "cat"]).rank(np.eye(3)[:2], k=2)
    >>> ranking
    Ranking of 2 queries, at most 2 labels each, 3 classes
    >>> ranking[0].labels
    ['ape', 'bee']
    >>> ranking.top1().tolist()
    ['ape', 'bee']
    """

    classes: Anything
    codes: Ints
    similarity: Floats
    nearest: Ints
    distractor_score: Floats
    probability: Floats
    unknown: str = UNKNOWN_LABEL
    names: Sequence[str] = ()
    contamination: float = float("nan")
    contamination_interval: tuple[float, float] | None = None
    rejection_summary: str = ""
    explanation: str = ""
    unknown_probability: Floats | None = None
    expected: Expectation | None = None
    neighbourhood: Neighbourhood | None = field(default=None, compare=False)
    groups: Ints | None = None

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[Answer]:
        """Go through the queries: name and labels, best first."""
        for row in range(len(self)):
            yield Answer(self.name(row), self.labels(row))

    @overload
    def __getitem__(self, which: int | str) -> Answer: ...
    @overload
    def __getitem__(self, which: slice) -> "Ranking": ...
    def __getitem__(self, which: int | str | slice) -> "Answer | Ranking":
        """Give the answer to one query, by its number or its name; or, for a slice, the ranking of some queries.

        Raises
        ------
        KeyError, IndexError : there is no such query.
        TypeError : `which` is none of the three.
        """
        if isinstance(which, slice):
            return self.of(np.arange(len(self))[which])
        if isinstance(which, str):
            row = self._row_of[which]
        elif isinstance(which, (int, np.integer)):
            row = range(len(self))[which]
        else:
            raise TypeError(f"a ranking takes the number or name of a query, or a slice, not {type(which).__name__}")
        return Answer(self.name(row), self.labels(row))

    def __eq__(self, other: object) -> bool:
        """Whether all is the same, NaN equal to NaN."""
        if not isinstance(other, Ranking):
            return NotImplemented
        compared = [part.name for part in fields(self) if part.compare]
        return all(_same(getattr(self, name), getattr(other, name)) for name in compared)

    __hash__ = None  # type: ignore[assignment]  # arrays can change

    def __repr__(self) -> str:
        n, k = self.codes.shape
        return f"Ranking of {n:,} queries, at most {k} labels each, {len(self.classes):,} classes"

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {self.name(row): row for row in range(len(self))}

    def name(self, row: int) -> str:
        """Give what a query is called."""
        return self.names[row] if len(self.names) else str(row)

    def labels(self, row: int, *, name_new: bool = False) -> list[str]:
        """Give the labels of one query, best first, as text; if wanted, its new class in place of the unknown label."""
        unknown = (self.group_name(row) if name_new else None) or self.unknown
        return [unknown if code == UNKNOWN else str(self.classes[code]) for code in self.codes[row] if code != NOTHING]

    def top1(self) -> Anything:
        """(n,) the first label of each query, as text, the unknown label among them."""
        return np.array([self.labels(row)[0] for row in range(len(self))], np.str_)

    def is_unknown(self) -> Flags:
        """(n,) whether the first answer is the unknown label."""
        first: Flags = self.codes[:, 0] == UNKNOWN
        return first

    def of(self, rows: Ints) -> "Ranking":
        """Give the ranking of some of the queries, by their numbers."""
        kept: dict[str, Any] = {name: values[rows] for name, values in self._per_query().items()}
        return replace(self, **kept, names=[self.name(row) for row in rows], neighbourhood=None)

    def group_name(self, row: int) -> str | None:
        """Give what the new class of a query is called, `new-1` the largest; None if it is in none."""
        return None if self.groups is None or self.groups[row] < 0 else f"new-{self.groups[row] + 1}"

    def _per_query(self) -> dict[str, Anything]:
        return {name: values for name in PER_QUERY if (values := getattr(self, name)) is not None}

    def to_dicts(self) -> list[dict[str, Any]]:
        """Give a record an answer, with its rank from 1, whether it is the unknown label, its numbers, and the group.

        Numbers that the recognizer does not give are None, and so is the group of queries that are in none.
        """
        return [
            {
                "image": self.name(row),
                "rank": rank,
                "label": label,
                "unknown": bool(self.codes[row, rank - 1] == UNKNOWN),
                "probability": _number(self.probability[row, rank - 1]),
                "similarity": _number(self.similarity[row, rank - 1]),
                "distractor_score": float(self.distractor_score[row]),
                "group": self.group_name(row),
            }
            for row in range(len(self))
            for rank, label in enumerate(self.labels(row), start=1)
        ]

    def to_pandas(self, *, wide: bool = False) -> "pd.DataFrame":
        """Give a data frame: a row an answer as in `to_dicts`, or, if wide, a row a query.

        A wide frame has the columns image, label_1, probability_1, label_2 and so on, then group and distractor_score.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        pd = require_pandas()
        if not wide:
            names = ["image", "rank", "label", "unknown", "probability", "similarity", "distractor_score", "group"]
            return pd.DataFrame(self.to_dicts(), columns=names)
        columns: dict[str, Any] = {"image": [self.name(row) for row in range(len(self))]}
        labels = [self.labels(row) for row in range(len(self))]
        for place in range(self.codes.shape[1]):
            columns[f"label_{place + 1}"] = [own[place] if place < len(own) else None for own in labels]
            columns[f"probability_{place + 1}"] = self.probability[:, place]
        groups = pd.Series([self.group_name(row) for row in range(len(self))], dtype=object)
        return pd.DataFrame(columns | {"group": groups, "distractor_score": self.distractor_score})

    def named(self, names: Sequence[str], unknown: str) -> "Ranking":
        """Call the queries by these names, and the unknown label by this one."""
        return replace(self, names=names, unknown=unknown)

    def with_unknown_first(self, distractors: Flags, score: Floats) -> "Ranking":
        """Put the unknown label before the others where `distractors` holds; the last of k falls off.

        What the recognizer said of the unknown label, and expected of its answers, holds no longer and is left out.

        Parameters
        ----------
        distractors : (n,) which queries
        score : (n,) the new distractor score
        """

        return replace(
            self._unknown_first(np.flatnonzero(distractors), None),
            distractor_score=score.astype(np.float32),
            unknown_probability=None,
            expected=None,
        )

    def named_above(self, least: float) -> "Ranking":
        """Name no query whose name is less probable than `least`: the unknown label goes first in its answer.

        The other labels follow in their order, and all keep their probabilities. Where the unknown label was not among
        the k answers, the last of them falls off.

        Parameters
        ----------
        least : a probability, 0 to 1

        Raises
        ------
        ValueError : it is none, or the names have no probabilities.
        """
        if not 0 <= least <= 1:
            raise ValueError(f"a probability is from 0 to 1, not {least}")
        named = self.codes[:, 0] >= 0
        if np.isnan(self.probability[named, 0]).any():
            raise ValueError("these names have no probabilities: take a recognizer that gives them")
        return self._unknown_first(np.flatnonzero(named & (self.probability[:, 0] < least)), self.unknown_probability)

    def _unknown_first(self, rows: Ints, probability: Floats | None) -> "Ranking":
        """Put the unknown label first at `rows`: from its place in the answer, or with its `probability` (n,)."""
        is_unknown, column = self.codes[rows] == UNKNOWN, np.arange(self.codes.shape[1])
        listed = is_unknown.any(axis=1)
        place = np.where(listed, is_unknown.argmax(axis=1), column[-1])[:, None]
        order = np.where(column == 0, place, column - (column <= place))

        def moved(values: Anything, first: Any) -> Anything:
            ordered = np.take_along_axis(values[rows], order, axis=1)
            ordered[:, 0] = np.where(listed, ordered[:, 0], first)
            changed = values.copy()
            changed[rows] = ordered
            return changed

        return replace(
            self,
            codes=moved(self.codes, UNKNOWN),
            similarity=moved(self.similarity, np.nan),
            nearest=moved(self.nearest, -1),
            probability=moved(self.probability, np.nan if probability is None else probability[rows]),
        )

    def expanded(self, rows: Sequence[int], n: int) -> "Ranking":
        """Put these answers at `rows` of n queries; the others get the unknown label alone and the highest score."""
        k = self.codes.shape[1]
        blank = replace(
            self,
            codes=np.full((n, k), NOTHING),
            similarity=np.full((n, k), np.nan, np.float32),
            nearest=np.full((n, k), -1),
            distractor_score=np.full(n, np.max(self.distractor_score, initial=0.0), np.float32),
            probability=np.full((n, k), np.nan, np.float32),
            unknown_probability=None if self.unknown_probability is None else np.full(n, np.nan, np.float32),
            names=(),
            neighbourhood=None,
            groups=None if self.groups is None else np.full(n, NO_GROUP),
        )
        blank.codes[:, 0] = UNKNOWN
        for name, values in self._per_query().items():
            getattr(blank, name)[rows] = values
        return blank


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")
    if isinstance(one, float) and isinstance(other, float):
        return one == other or bool(np.isnan(one) and np.isnan(other))
    if isinstance(one, Sequence) and not isinstance(one, str):
        return list(one) == list(other)
    return bool(one == other)


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)

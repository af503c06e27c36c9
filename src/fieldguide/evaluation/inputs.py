"""What `evaluate` takes, as lists of text; anything else is refused, as it would score 0 without a word."""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.errors import AnswersError
from fieldguide.core.extras import is_series
from fieldguide.evaluation.truth import match_truth
from fieldguide.recognition.ranking import Ranking
from fieldguide.records.answers import Answers, read_answers
from fieldguide.records.groups import take_groups
from fieldguide.records.tables import read_columns

if TYPE_CHECKING:
    import pandas as pd

TAKEN = (
    "an IdentificationResult, a Ranking, a mapping of names to labels, the path of a file of answers, or for each "
    "query a list of labels, best first"
)
TAKEN_TRUTH = "a list of labels, a mapping of names to labels, a pandas Series, or the path of a table"


class HasRanking(Protocol):
    """What an identification came to."""

    @property
    def ranking(self) -> Ranking:
        """The answers."""


GivenAnswers: TypeAlias = (
    "HasRanking | Ranking | Answers | Mapping[str, Sequence[str]] | Sequence[Sequence[str]] | str | os.PathLike[str]"
)
GivenTruth: TypeAlias = (
    "Mapping[str, str] | Mapping[str, int] | pd.Series | Sequence[str] | Sequence[int] | Anything | str"
    " | os.PathLike[str]"
)


@dataclass(frozen=True)
class ReadAnswers:
    """Answers, whatever they were given as, and what is known with them.

    Attributes
    ----------
    labels : (n,) the labels of each query, best first
    names : (n,) the queries; None where they are not known
    distractor_score : (n,) if there is one
    unknown : the unknown label, if it is known
    classes : the labels of the gallery, if they are known
    groups : (n,) the new class of each query, None where in none; None if there are no groups
    """

    labels: list[list[str]]
    names: Sequence[str] | None = None
    distractor_score: Floats | None = None
    unknown: str | None = None
    classes: Sequence[str] | None = None
    groups: Sequence[str | None] | None = None

    def of(self, rows: Sequence[int]) -> "ReadAnswers":
        """Give some of them, by their rows."""
        names, score = self.names, self.distractor_score
        return replace(
            self,
            labels=[self.labels[row] for row in rows],
            names=None if names is None else [names[row] for row in rows],
            distractor_score=None if score is None else score[list(rows)],
            groups=None if self.groups is None else [self.groups[row] for row in rows],
        )

    def with_groups(self, labels: Collection[str], unknown: str) -> "ReadAnswers":
        """Take labels that are called as new classes are, and are none of these `labels`, for the unknown one."""
        if self.groups is not None:
            return self
        answered, groups = take_groups(self.labels, labels, unknown)
        return replace(self, labels=answered, groups=groups)


def read_pair(
    answers: Any, truth: Any, distractor_score: Floats | None, groups: Sequence[str | None] | None = None
) -> tuple[ReadAnswers, list[str]]:
    """Read answers and truth, and give those answers that have a true label, each with it.

    Raises
    ------
    TypeError : they are something else, or the one has names and the other has not.
    AnswersError : the truth names a query that is not answered, or a file does not hold what it should.
    RecordsError : there is no such file, or a column is missing in it.
    """
    given, known = read_given_answers(answers), read_given_truth(truth)
    if distractor_score is not None:
        score = np.asarray(distractor_score)
        if score.shape != (len(given.labels),):
            raise AnswersError(f"distractor scores are of shape {score.shape} for {len(given.labels):,} answers")
        given = replace(given, distractor_score=score)
    if groups is not None:
        if len(groups) != len(given.labels):
            raise AnswersError(f"there are {len(groups):,} groups for {len(given.labels):,} answers")
        given = replace(given, groups=groups)
    if not isinstance(known, Mapping):
        if isinstance(answers, Mapping):
            raise TypeError("answers are by name, and the truth is a list: give it by name too, as a mapping")
        return given, known
    if given.names is None:
        raise TypeError(
            f"truth is a {type(truth).__name__}: a list of labels was expected, as the answers have no names"
        )
    matched = match_truth(given.names, known)
    return given.of([row for row, _ in matched]), [label for _, label in matched]


def read_given_answers(answers: Any) -> ReadAnswers:
    """Read answers.

    Raises
    ------
    TypeError : they are something else.
    """
    answers = getattr(answers, "ranking", answers)
    if isinstance(answers, Ranking):
        names = [answers.name(row) for row in range(len(answers))]
        classes = [str(label) for label in answers.classes]
        labels = [labels for _, labels in answers]
        groups = None if answers.groups is None else [answers.group_name(row) for row in range(len(answers))]
        return ReadAnswers(labels, names, answers.distractor_score, answers.unknown, classes, groups)
    if isinstance(answers, str | os.PathLike):
        answers = read_answers(answers)
    if isinstance(answers, Answers):
        labels = [list(one) for one in answers.labels]
        score, unknown = answers.distractor_score, answers.unknown
        return ReadAnswers(labels, answers.names, score, unknown, answers.classes, answers.groups)
    if isinstance(answers, Mapping):
        return ReadAnswers(as_answers(answers.values(), list(answers)), [str(name) for name in answers])
    return ReadAnswers(as_answers(answers))


def read_given_truth(truth: Any) -> Mapping[str, str] | list[str]:
    """Read true labels: by name, or in the order of the answers.

    Raises
    ------
    TypeError : they are something else.
    AnswersError : a picture stands twice in it.
    """
    if isinstance(truth, str | os.PathLike):
        names, labels = read_columns(Path(truth), ["image", "label"])
    elif isinstance(truth, Mapping):
        names, labels = list(truth), list(truth.values())
    elif is_series(truth) and len(truth) and all(isinstance(name, str) for name in truth.index):
        names, labels = truth.index.tolist(), truth.tolist()
    else:
        return as_labels(truth.tolist() if is_series(truth) else truth, "truth")
    by_name = dict(zip(map(str, names), as_labels(labels, "truth"), strict=True))
    if len(by_name) != len(names):
        raise AnswersError(f"{truth if isinstance(truth, str | os.PathLike) else 'truth'}: a picture is listed twice")
    if not by_name:
        raise AnswersError("the truth has no labels: there is nothing to score")
    return by_name


def as_answers(answers: Any, names: Sequence[object] | None = None) -> list[list[str]]:
    """Give answers as lists of text; errors call them by their names or numbers.

    Raises
    ------
    TypeError : they are something else.
    """
    if isinstance(answers, bytes) or not isinstance(answers, Iterable):
        raise TypeError(f"answers are a {type(answers).__name__}: evaluate takes {TAKEN}")
    lists = []
    for row, labels in enumerate(answers):
        called = f"answers[{row if names is None else repr(names[row])}]"
        if isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Iterable):
            raise TypeError(f"{called} is {labels!r}: evaluate takes {TAKEN}")
        lists.append(as_labels(labels, called))
    return lists


def as_labels(labels: Any, what: str) -> list[str]:
    """Give labels as text; whole numbers are labels too.

    Raises
    ------
    TypeError : one is neither.
    """
    if isinstance(labels, str | bytes | Mapping) or not isinstance(labels, Iterable):
        takes = f"evaluate takes {TAKEN_TRUTH}" if what == "truth" else "a list of labels was expected"
        raise TypeError(f"{what} is a {type(labels).__name__}: {takes}")
    labels = list(labels)
    for place, label in enumerate(labels):
        if isinstance(label, bool | np.bool_) or not isinstance(label, str | int | np.integer):
            raise TypeError(f"{what}[{place}] is {label!r}, which is no label: evaluate takes {TAKEN}")
    return [str(label) for label in labels]


def check_numbers(n: int, n_true: int, distractor_score: Floats | None, k: int, resamples: int, seed: int) -> None:
    """Refuse what nothing can be counted by.

    Raises
    ------
    AnswersError : as said.
    """
    if n != n_true:
        raise AnswersError(f"there are {n_true:,} true labels for {n:,} answers: each answer has one")
    if not n:
        raise AnswersError("there are no answers: there is nothing to score")
    if k < 1:
        raise AnswersError(f"k must be at least 1, not {k}")
    if seed < 0:
        raise AnswersError(f"the seed must not be below 0, as {seed} is")
    if resamples < 0:
        raise AnswersError(f"resamples must not be below 0, as {resamples} are")
    if distractor_score is None:
        return
    if np.shape(distractor_score) != (n,):
        raise AnswersError(f"distractor scores are of shape {np.shape(distractor_score)} for {n:,} answers")
    if np.isnan(distractor_score).any():
        raise AnswersError(f"the distractor score of answer {int(np.argmax(np.isnan(distractor_score))) + 1:,} is NaN")

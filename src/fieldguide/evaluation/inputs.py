"""What `evaluate` takes, as lists of text; anything else is refused, as it would score 0 without a word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fieldguide.core.arrays import Floats
from fieldguide.core.errors import AnswersError
from fieldguide.evaluation.truth import match_truth
from fieldguide.recognition.ranking import Ranking

TAKEN = "a Ranking, or for each query a list of labels, best first"


def read_ranking(
    ranking: Ranking, truth: Sequence[str] | Mapping[str, str], distractor_score: Floats | None
) -> tuple[list[list[str]], list[str], Floats]:
    """Give the answers of a ranking, the true label of each, and the distractor scores.

    Raises
    ------
    AnswersError : the truth names a query that is not in the ranking.
    """
    score = ranking.distractor_score if distractor_score is None else np.asarray(distractor_score)
    if not isinstance(truth, Mapping):
        return [labels for _, labels in ranking], as_labels(truth, "truth"), score
    matched = match_truth([name for name, _ in ranking], truth)
    rows = [row for row, _ in matched]
    if len(score) != len(ranking):
        raise AnswersError(f"there are {len(score):,} distractor scores for {len(ranking):,} answers")
    return [ranking.labels(row) for row in rows], as_labels([label for _, label in matched], "truth"), score[rows]


def as_answers(answers: Any) -> list[list[str]]:
    """Give answers as lists of text.

    Raises
    ------
    TypeError : they are something else.
    """
    if isinstance(answers, str | bytes | Mapping):
        raise TypeError(f"answers are a {type(answers).__name__}: evaluate takes {TAKEN}")
    lists = []
    for row, labels in enumerate(answers):
        if isinstance(labels, str | bytes | Mapping) or not hasattr(labels, "__iter__"):
            raise TypeError(f"answers[{row}] is {labels!r}: evaluate takes {TAKEN}")
        lists.append(as_labels(labels, f"answers[{row}]"))
    return lists


def as_labels(labels: Any, what: str) -> list[str]:
    """Give labels as text; whole numbers are labels too.

    Raises
    ------
    TypeError : one is neither.
    """
    if isinstance(labels, str | bytes | Mapping):
        raise TypeError(f"{what} is a {type(labels).__name__}: a list of labels was expected")
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

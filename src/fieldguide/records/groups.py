"""What new classes are called where a label is written."""

import re
from collections.abc import Collection, Iterable, Sequence

from fieldguide.core.errors import AnswersError

GROUP = re.compile(r"new-[1-9][0-9]*")


def is_group(label: str) -> bool:
    """Whether a label is called as new classes are."""
    return GROUP.fullmatch(label) is not None


def check_no_group(labels: Iterable[str]) -> None:
    """Refuse labels of known classes that new classes may have.

    Raises
    ------
    AnswersError : the first of them.
    """
    for label in labels:
        if is_group(label):
            raise AnswersError(f"a class is called '{label}', as new classes are: write them as the unknown label")


def take_groups(
    answers: Sequence[Sequence[str]], labels: Collection[str], unknown: str
) -> tuple[list[list[str]], list[str | None] | None]:
    """Put the unknown label where answers have the name of a new class.

    Parameters
    ----------
    answers : (n,) the labels of each query
    labels : of known classes and of the truth, which are no new classes whatever they are called

    Returns
    -------
    The answers, and the new class of each query, None where it is in none; None in place of all where there is none.
    """
    groups: list[str | None] = []
    written = []
    for one in answers:
        found = [label for label in one if is_group(label) and label not in labels]
        groups.append(found[0] if found else None)
        written.append([unknown if found and label == found[0] else label for label in one])
    return written, groups if any(groups) else None

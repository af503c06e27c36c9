"""The separator between the labels of one answer: chosen by the labels, and found again in a file of answers."""

from collections.abc import Iterable, Sequence

from fieldguide.core.errors import AnswersError

SPACE = " "  # what competitions take, wherever no label holds one
SEPARATORS = (SPACE, ";", "|", "\t", "\x1f")  # in the order of preference; the last is ASCII's own "unit separator"
OF_OTHERS = (*SEPARATORS, ",", "")  # what other programs may have written; nothing where each cell is one label


def choose_separator(labels: Iterable[str]) -> str:
    """Give the first separator that stands in none of the labels.

    Raises
    ------
    AnswersError : there is none.
    """
    characters = set().union(*labels)
    for separator in SEPARATORS:
        if separator not in characters:
            return separator
    raise AnswersError(
        "space, ;, | and tab all stand in labels: name a separator that does not with --separator, for example "
        "--separator ' / '"
    )


def find_separator(cells: Sequence[str], unknown: str) -> str:
    """Find what the labels in cells are joined by, from the cells alone.

    It is a space, unless every cell that has a space has another separator too, and the unknown label, which is seldom
    missing, never stands between spaces.

    Parameters
    ----------
    cells : an answer each
    unknown : the unknown label
    """
    spaced = [cell for cell in cells if SPACE in cell.strip()]
    if SPACE not in unknown and any(unknown in cell.split(SPACE) for cell in spaced):
        return SPACE
    others = [separator for separator in SEPARATORS if separator != SPACE and separator not in unknown]
    return next((one for one in others if spaced and all(one in cell for cell in spaced)), SPACE)


def split(cell: str, separator: str) -> list[str]:
    """Give the labels of one cell; separators more than needed stand for no label."""
    return list(filter(None, cell.split(separator))) if separator else [cell]


def in_words(separator: str) -> str:
    """Name a separator as a user would."""
    names = {SPACE: "a space", "\t": "a tab", "\x1f": "the character 0x1F", "": "nothing, one label a cell"}
    return names.get(separator, f"'{separator}'")

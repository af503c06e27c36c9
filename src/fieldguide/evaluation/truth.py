"""Which answer belongs to which true label."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from fieldguide.errors import AnswersError


def match_truth(names: Sequence[str], truth: Mapping[str, str]) -> list[tuple[int, str]]:
    """Match answered queries with true labels: by name, or by file name where all file names differ.

    Parameters
    ----------
    names : the answered queries; those without a true label are left out
    truth : the label of each picture

    Returns
    -------
    For each picture in the truth, the place of its answer and its label.

    Raises
    ------
    AnswersError : a picture in the truth is not answered.
    """
    place = {name: row for row, name in enumerate(names)}
    if not truth.keys() <= place.keys():
        place = {PurePath(name).name: row for row, name in enumerate(names)}
        pictures = {name: PurePath(name).name for name in truth}
        missing = sorted(name for name, short in pictures.items() if short not in place)
        if missing or len(place) != len(names) or len(set(pictures.values())) != len(pictures):
            missing = missing or sorted(truth.keys() - set(names))
            raise AnswersError(
                f"{len(missing)} of {len(truth)} pictures in the truth are not answered, {missing[0]} among them"
            )
        return [(place[pictures[name]], label) for name, label in truth.items()]
    return [(place[name], label) for name, label in truth.items()]

"""What is true of which answer: which picture it is of, and whether its label is of a class or of none."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePath

from fieldguide.core.errors import AnswersError
from fieldguide.records.columns import part_names
from fieldguide.records.tables import read_columns
from fieldguide.records.text import normal_form, normal_forms


def resolve_labels(labels: Sequence[str], known_classes: Iterable[str] | None, unknown: str) -> list[str]:
    """Say what is the right answer to queries: their class, or the unknown label where the gallery does not have it.

    This is what is meant by a distractor wherever answers are scored or shown: a query with a true label of no class
    of the gallery, whatever it is called.

    Parameters
    ----------
    labels : (n,) true labels, as somebody wrote them
    known_classes : the labels of the gallery; None where they are not known, and every label but the unknown one is
        taken for a class
    unknown : the unknown label

    Returns
    -------
    (n,) labels as the gallery writes them, the unknown label as it is given.
    """
    forms = normal_forms(labels)
    if known_classes is None:
        none = normal_form(unknown)
        return [unknown if form == none else form for form in forms]
    written = {normal_form(label): label for label in known_classes}
    return [written.get(form, unknown) for form in forms]


def find_answers(names: Sequence[str], truth: Mapping[str, str]) -> list[int | None]:
    """Find the answer to each picture of the truth: by name, or by file name where all file names differ.

    Parameters
    ----------
    names : the answered queries
    truth : the label of each picture

    Returns
    -------
    For each picture in the truth the place of its answer, None if it has none.
    """
    exact = {name: row for row, name in enumerate(names)}
    if truth.keys() <= exact.keys():
        return [exact[name] for name in truth]
    paths, true_paths = normal_forms(names), normal_forms(truth)
    file_names, true_file_names = ([PurePath(name).name for name in some] for some in (paths, true_paths))
    found: list[int | None] = [exact.get(name) for name in truth]
    for answered, true in (paths, true_paths), (file_names, true_file_names):
        place = {name: row for row, name in enumerate(answered)}
        if len(place) == len(answered) and len(set(true)) == len(true):
            other: list[int | None] = [place.get(name) for name in true]
            found = max(found, other, key=lambda rows: sum(row is not None for row in rows))
    return found


def read_truth(
    path: Path, names: Sequence[str], image_column: str = "image", label_column: str = "label"
) -> list[tuple[int, str]]:
    """Read the true labels of queries from a table, each of which must have its query.

    Parameters
    ----------
    path : of a CSV or Parquet file
    names : the queries; those without a true label are left out
    image_column, label_column : the table's names for them

    Returns
    -------
    For each row of the table, the place of its query and its label in the form of the gallery's.

    Raises
    ------
    RecordsError : the file or a column is missing.
    AnswersError : it is empty, names a picture twice, or one that is not among the queries.
    """
    images, labels = read_columns(path, [image_column, label_column])
    if not images:
        raise AnswersError(f"{path} holds no rows: there is nothing to score")
    images = names_in_truth(path, images, names)
    try:
        return match_truth(names, dict(zip(images, normal_forms(labels), strict=True)))
    except AnswersError as error:
        raise AnswersError(f"{path}: {error}: is it of these queries?") from error


def names_in_truth(path: Path, images: list[str], names: Sequence[str]) -> list[str]:
    """Give the names by which a table of true labels names queries: boxes of one picture as queries are numbered.

    Raises
    ------
    AnswersError : a picture is there twice, and its boxes are not what was answered.
    """
    if len(set(images)) == len(images):
        return images
    numbered = part_names(images)
    if not {*numbered} <= {*names}:
        raise AnswersError(f"{path}: a picture is listed twice")
    return numbered


def match_truth(names: Sequence[str], truth: Mapping[str, str]) -> list[tuple[int, str]]:
    """Match queries with true labels, as `find_answers` does, where each label must have its query.

    Parameters
    ----------
    names : the queries; those without a true label are left out
    truth : the label of each picture

    Returns
    -------
    For each picture in the truth, the place of its query and its label.

    Raises
    ------
    AnswersError : a picture in the truth is not answered.
    """
    found = find_answers(names, truth)
    matched = [(row, label) for row, label in zip(found, truth.values(), strict=True) if row is not None]
    if len(matched) < len(found):
        missing = sorted(name for name, row in zip(truth, found, strict=True) if row is None)
        raise AnswersError(
            f"{len(missing)} of {len(truth)} pictures in the truth are not answered, {missing[0]} among them"
        )
    return matched

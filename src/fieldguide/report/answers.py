"""A ranking as the table that competitions take: one row a query, its labels in one cell."""

import logging
import os
from dataclasses import replace
from pathlib import Path

from fieldguide.core.errors import AnswersError
from fieldguide.core.outputs import ANSWERS
from fieldguide.recognition.ranking import Ranking
from fieldguide.records.answers import Format, write_table
from fieldguide.records.columns import box_cells
from fieldguide.records.groups import check_no_group
from fieldguide.records.image_table import ImageTable
from fieldguide.records.read import UNKNOWN
from fieldguide.records.separators import SPACE, choose_separator, find_separator, in_words

log = logging.getLogger("fieldguide")


def write_answers(
    ranking: Ranking,
    path: str | os.PathLike[str],
    form: Format | None = None,
    pictures: ImageTable | None = None,
    *,
    name_new: bool = False,
) -> None:
    """Write one row a query: its name and its labels, best first. The file appears whole or not at all.

    Where queries are boxes in pictures, columns beside say of which picture, and where.

    Parameters
    ----------
    ranking : of the queries
    path : of the file
    form : of the file. Its unknown label is written, unless it is the default and the ranking has one of its own.
    pictures : the queries, for their boxes
    name_new : whether queries that are in a group have its name, such as `new-1`, in place of the unknown label

    Raises
    ------
    AnswersError : a label holds the separator, or is the unknown label or that of a group.
    FieldguideError : the file cannot be written.
    """
    form = form or Format(unknown=ranking.unknown)
    ANSWERS.check(Path(path))
    if form.unknown == UNKNOWN != ranking.unknown:
        form = replace(form, unknown=ranking.unknown)
    classes = [str(label) for label in ranking.classes]
    form.check(classes)
    if form.unknown in classes:
        raise AnswersError(f"a class is called '{form.unknown}', as is the unknown label: name another unknown label")
    separator = form.separator or choose_separator([*classes, form.unknown])
    if form.separator is None and separator != SPACE:
        log.warning(
            "%s: labels hold a space, so %s stands between them; name another with --separator",
            path,
            in_words(separator),
        )
    written = replace(ranking, unknown=form.unknown)
    if name_new:
        check_no_group(classes)
    rows = [(written.name(row), separator.join(written.labels(row, name_new=name_new))) for row in range(len(written))]
    if form.separator is None and find_separator([cell for _, cell in rows], form.unknown) != separator:
        log.warning(
            "%s cannot be read without its separator, %s: name it to whatever reads the file", path, in_words(separator)
        )
    header, cells = [form.image_column, form.label_column], [list(row) for row in rows]
    if pictures is not None:
        names, boxes = box_cells(pictures, header)
        header, cells = [*header, *names], [[*row, *box] for row, box in zip(cells, boxes, strict=True)]
    write_table(Path(path), header, cells)

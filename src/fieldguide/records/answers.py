"""Answers on disk: the table that competitions take, and the details behind it."""

import csv
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fieldguide.core.arrays import Floats
from fieldguide.core.errors import AnswersError
from fieldguide.core.files import check_writable, written_whole
from fieldguide.records.columns import PictureColumns
from fieldguide.records.details_parquet import CLASSES, GROUP, column_names, is_details, read_json, read_table
from fieldguide.records.read import UNKNOWN
from fieldguide.records.separators import choose_separator, find_separator, split
from fieldguide.records.tables import read_columns
from fieldguide.records.text import normal_form

log = logging.getLogger("fieldguide")


@dataclass(frozen=True)
class Format:
    """How answers are written: one row a query, its labels in one cell, best first.

    Attributes
    ----------
    image_column, label_column : names of the columns
    separator : stands between labels, in none of them; None for the first of `SEPARATORS` that stands in none
    unknown : the unknown label
    columns : of boxes, masks and encounters, in the tables that are read
    """

    image_column: str = "image"
    label_column: str = "label"
    separator: str | None = None
    unknown: str = UNKNOWN
    columns: PictureColumns = field(default_factory=PictureColumns)

    def check(self, labels: Iterable[str]) -> None:
        """Refuse labels that could not be separated again in one cell.

        Raises
        ------
        AnswersError : the separator is empty or stands in a label, a label is nothing but spaces, or the columns have
            one name.
        """
        if self.separator == "":
            raise AnswersError("the separator is empty: labels in one cell could not be told apart")
        if not self.unknown:
            raise AnswersError("the unknown label is empty: an answer needs something to say")
        if self.image_column == self.label_column:
            raise AnswersError(f"the image and label columns are both called '{self.image_column}'")
        labels = {*labels, self.unknown}
        for label in labels:
            if not normal_form(label):
                raise AnswersError(f"the label {label!r} is empty or nothing but spaces: no table can hold it")
        if self.separator is None:
            choose_separator(labels)
            return
        for label in labels:
            if self.separator in label:
                raise AnswersError(
                    f"the label '{label}' holds the separator '{self.separator}': "
                    "choose another with --separator, for example --separator ';'"
                )


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write text as CSV, with tabs to a .tsv, whole or not at all. File names that are not UTF-8 keep their bytes."""
    check_writable(path)
    rows = list(rows)
    # Python's csv, before 3.13, quotes a lone carriage return only on demand
    has_returns = any("\r" in cell for row in rows for cell in row)
    with (
        written_whole(path) as scratch,
        scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        csv.writer(
            file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL
        ).writerows([header, *rows])


@dataclass(frozen=True)
class Answers:
    """Answers as read back from a file.

    Attributes
    ----------
    names : (n,) the queries
    labels : (n,) the labels of each, best first
    distractor_score : (n,) if the file has it
    classes : all labels of the gallery, if the file has them
    unknown : the unknown label, if the file says so
    groups : (n,) the new class of each query, None where in none; None if the file has no groups
    """

    names: Sequence[str]
    labels: Sequence[Sequence[str]]
    distractor_score: Floats | None = None
    classes: Sequence[str] | None = None
    unknown: str | None = None
    groups: Sequence[str | None] | None = None

    def check(self, path: Path) -> None:
        """Refuse answers to one query twice, and one label twice in an answer.

        Raises
        ------
        AnswersError : it names the query.
        """
        seen = set()
        for name, labels in zip(self.names, self.labels, strict=True):
            if name in seen:
                raise AnswersError(f"{path}: {name} is answered twice")
            if len(set(labels)) != len(labels):
                raise AnswersError(f"{path}: {name} has a label twice: {' '.join(labels)}")
            seen.add(name)


def read_answers(path: str | os.PathLike[str], form: Format | None = None) -> Answers:
    """Read the table of `write_answers`, or the Parquet of `write_details`, which has distractor scores too.

    Where the format names no separator it is found in the cells, as `find_separator` does.

    Raises
    ------
    RecordsError : the file or a column is missing.
    AnswersError : a query is answered twice, or a label stands twice in one answer, or the file is not what it seems.
    """
    form, path = form or Format(), Path(path)
    form.check([])
    if is_details(path):
        answers = read_ranked(path)
    else:
        names, cells = read_columns(path, [form.image_column, form.label_column])
        separator = find_separator(cells, form.unknown) if form.separator is None else form.separator
        answers = Answers(names, [split(cell, separator) for cell in cells])
    answers.check(path)
    return answers


def read_ranked(path: Path) -> Answers:
    """Read answers out of details.

    Raises
    ------
    RecordsError : there is no such file.
    AnswersError : it holds no details.
    """
    columns = ["image", "rank", "label", "distractor_score"]
    has_unknown = "unknown" in column_names(path)
    table = read_table(path, [*columns, "unknown"] if has_unknown else columns)
    has_groups = GROUP in table.column_names
    image, label, score = (table.column(name).to_pylist() for name in ("image", "label", "distractor_score"))
    by_name: dict[str, list[str]] = {name: [] for name in image}
    score_of = dict(zip(image, score, strict=True))
    for row in np.argsort(table.column("rank").to_numpy(), kind="stable"):
        by_name[image[row]].append(label[row])
    flags = table.column("unknown").to_pylist() if has_unknown else []
    group_of = dict(zip(image, table.column(GROUP).to_pylist(), strict=True)) if has_groups else {}
    return Answers(
        list(by_name),
        list(by_name.values()),
        np.array([score_of[name] for name in by_name], dtype=np.float32),
        read_json(path, table, CLASSES),
        next((name for name, is_unknown in zip(label, flags, strict=False) if is_unknown), None),
        [group_of[name] for name in by_name] if any(group_of.values()) else None,
    )

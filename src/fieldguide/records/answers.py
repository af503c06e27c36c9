"""Answers on disk: the table that competitions take, and the details behind it."""

import csv
import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.errors import AnswersError
from fieldguide.core.files import check_writable, written_whole
from fieldguide.core.outputs import ANSWERS, DETAILS
from fieldguide.recognition import NOTHING
from fieldguide.recognition import UNKNOWN as UNKNOWN_CODE
from fieldguide.recognition.ranking import Ranking
from fieldguide.records.details import CLASSES, FACTS, column_names, is_details, read_json, read_table
from fieldguide.records.read import UNKNOWN
from fieldguide.records.separators import SPACE, choose_separator, find_separator, in_words, split
from fieldguide.records.tables import read_columns

log = logging.getLogger("fieldguide")

UNNAMED = "backbone not named"


@dataclass(frozen=True)
class Format:
    """How answers are written: one row a query, its labels in one cell, best first.

    Attributes
    ----------
    image_column, label_column : names of the columns
    separator : stands between labels, in none of them; None for the first of `SEPARATORS` that stands in none
    unknown : the unknown label
    """

    image_column: str = "image"
    label_column: str = "label"
    separator: str | None = None
    unknown: str = UNKNOWN

    def check(self, labels: Iterable[str]) -> None:
        """Refuse labels that could not be told apart in one cell.

        Raises
        ------
        AnswersError : the separator is empty or stands in a label, or the columns have one name.
        """
        if self.separator == "":
            raise AnswersError("the separator is empty: labels in one cell could not be told apart")
        if not self.unknown:
            raise AnswersError("the unknown label is empty: an answer needs something to say")
        if self.image_column == self.label_column:
            raise AnswersError(f"the image and label columns are both called '{self.image_column}'")
        if self.separator is None:
            choose_separator([*labels, self.unknown])
            return
        for label in {*labels, self.unknown}:
            if self.separator in label:
                raise AnswersError(
                    f"the label '{label}' holds the separator '{self.separator}': "
                    "choose another with --separator, for example --separator ';'"
                )


def write_answers(ranking: Ranking, path: str | os.PathLike[str], form: Format | None = None) -> None:
    """Write one row a query: its name and its labels, best first. The file appears whole or not at all.

    Parameters
    ----------
    ranking : of the queries
    path : of the file
    form : of the file. Its unknown label is written, unless it is the default and the ranking has one of its own.

    Raises
    ------
    AnswersError : a label holds the separator, or is the unknown label.
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
    rows = [(name, separator.join(labels)) for name, labels in replace(ranking, unknown=form.unknown)]
    if form.separator is None and find_separator([cell for _, cell in rows], form.unknown) != separator:
        log.warning(
            "%s cannot be read without its separator, %s: name it to whatever reads the file", path, in_words(separator)
        )
    write_table(Path(path), (form.image_column, form.label_column), rows)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write text as CSV, with tabs to a .tsv, whole or not at all. File names that are not UTF-8 keep their bytes."""
    check_writable(path)
    rows = list(rows)
    # Python's csv, before 3.13, quotes a lone carriage return only when told to
    odd = any("\r" in cell for row in rows for cell in row)
    with (
        written_whole(path) as scratch,
        scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
        csv.writer(
            file, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL
        ).writerows([header, *rows])


@dataclass(frozen=True)
class RunFacts:
    """What a report says of a run beside its ranking.

    Attributes
    ----------
    recipe, seed : as they were chosen
    backbone : by name; of embeddings from files what these name, and if they name none, the files and `UNNAMED`
    account : by what distractors were told apart, in words
    contamination : the share of distractors, estimated, given or called
    interval : its 90% interval, where it was estimated
    engine, precision : what ran the backbone; None where embeddings were given, or an earlier version wrote the file
    """

    recipe: str
    backbone: str
    seed: int
    account: str
    contamination: float
    interval: tuple[float, float] | None = None
    engine: str | None = None
    precision: str | None = None

    @property
    def names_backbone(self) -> bool:
        """Whether it is known what turned pictures into embeddings."""
        return not self.backbone.endswith(UNNAMED)

    @property
    def made_of(self) -> str:
        """The backbone, or the files of embeddings that name none, in words."""
        return f"backbone {self.backbone}" if self.names_backbone else self.backbone


def write_details(
    ranking: Ranking, path: str | os.PathLike[str], gallery_names: Sequence[str], facts: RunFacts | None = None
) -> None:
    """Write a Parquet file with one row a query and rank, for those who want to know why.

    Its columns: image, rank (from 1), label, unknown (whether it is the unknown label), similarity, probability,
    nearest (the gallery picture), distractor_score. The facts of the run and all labels of the gallery lie in the
    file's metadata.

    Parameters
    ----------
    ranking : of n queries
    path : of the file; it appears whole or not at all
    gallery_names : what `ranking.nearest` counts
    facts : of the run; a report needs them

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    query, place = np.nonzero(ranking.codes != NOTHING)
    codes, nearest = ranking.codes[query, place], ranking.nearest[query, place]
    names = [_utf8(name) for name, _ in ranking]
    labels = [_utf8(str(label)) for label in (*ranking.classes, ranking.unknown)]  # code -1 takes the last
    dictionary = pa.DictionaryArray.from_arrays
    columns = {
        "image": dictionary(pa.array(query, pa.int32()), pa.array(names, pa.string())).cast(pa.string()),
        "rank": pa.array(place + 1, pa.int32()),
        "label": dictionary(pa.array(codes % len(labels), pa.int32()), pa.array(labels)).cast(pa.string()),
        "unknown": pa.array(codes == UNKNOWN_CODE),
        "similarity": pa.array(ranking.similarity[query, place], from_pandas=True),
        "probability": pa.array(ranking.probability[query, place], from_pandas=True),
        "nearest": pa.array([_utf8(gallery_names[row]) if row >= 0 else None for row in nearest], pa.string()),
        "distractor_score": pa.array(ranking.distractor_score[query]),
    }
    DETAILS.check(Path(path))
    with written_whole(Path(path)) as scratch:
        pq.write_table(pa.table(columns, metadata=_metadata(ranking, facts)), scratch)


def _metadata(ranking: Ranking, facts: RunFacts | None) -> dict[bytes, bytes]:
    classes = {CLASSES: json.dumps([_utf8(str(label)) for label in ranking.classes]).encode()}
    return classes | ({FACTS: json.dumps(asdict(facts)).encode()} if facts else {})


def _utf8(name: str) -> str:
    """Give the name as Parquet can hold it; the bytes of a file name that are no UTF-8 become question marks."""
    return name.encode(errors="surrogateescape").decode(errors="replace")


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
    """

    names: Sequence[str]
    labels: Sequence[Sequence[str]]
    distractor_score: Floats | None = None
    classes: Sequence[str] | None = None
    unknown: str | None = None

    def check(self, path: Path) -> None:
        """Refuse answers to one query twice, and one label twice in an answer.

        Raises
        ------
        AnswersError : as said.
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
    CatalogError : the file or a column is missing.
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
    CatalogError : there is no such file.
    AnswersError : it holds no details.
    """
    columns = ["image", "rank", "label", "distractor_score"]
    has_unknown = "unknown" in column_names(path)
    table = read_table(path, [*columns, "unknown"] if has_unknown else columns)
    image, label, score = (table.column(name).to_pylist() for name in ("image", "label", "distractor_score"))
    by_name: dict[str, list[str]] = {name: [] for name in image}
    score_of = dict(zip(image, score, strict=True))
    for row in np.argsort(table.column("rank").to_numpy(), kind="stable"):
        by_name[image[row]].append(label[row])
    flags = table.column("unknown").to_pylist() if has_unknown else []
    return Answers(
        list(by_name),
        list(by_name.values()),
        np.array([score_of[name] for name in by_name], dtype=np.float32),
        read_json(path, table, CLASSES),
        next((name for name, is_unknown in zip(label, flags, strict=False) if is_unknown), None),
    )


def read_details(
    path: str | os.PathLike[str],
    classes: Sequence[str],
    gallery_names: Sequence[str],
    query_names: Sequence[str],
    unknown: str = UNKNOWN,
) -> tuple[Ranking, RunFacts]:
    """Read back what `write_details` wrote.

    Parameters
    ----------
    path : the Parquet file
    classes : (n_classes,) all labels, sorted
    gallery_names : what the ranking's `nearest` is to count
    query_names : (n,) the queries, in the order of the ranking
    unknown : the unknown label

    Raises
    ------
    CatalogError : the file or a column is missing.
    AnswersError : the file has no facts of a run, or is of another gallery or other queries.
    """
    path = Path(path)
    table = read_table(path)
    stored = read_json(path, table, FACTS)
    if stored is None:
        raise AnswersError(f"{path} does not say how its answers were found: write it anew with identify --details")
    try:
        facts = RunFacts(**stored)
    except TypeError as error:
        raise AnswersError(f"{path} is of another version: write it anew with identify --details") from error
    query = _places(path, table.column("image"), query_names, "queries")
    if missing := len(query_names) - len(np.unique(query)):
        raise AnswersError(f"{path} has no answer for {missing} of {len(query_names)} queries: it is of other queries")
    code = _places(path, table.column("label"), [*classes, unknown], "classes")
    nearest = _places(path, table.column("nearest"), gallery_names, "pictures of the gallery")
    place = table.column("rank").to_numpy() - 1

    def filled(values: Anything, empty: object) -> Anything:
        blank = np.full((len(query_names), int(place.max()) + 1), empty, values.dtype)
        blank[query, place] = values
        return blank

    is_unknown = table.column("unknown").to_numpy(zero_copy_only=False)
    score = np.zeros(len(query_names), np.float32)
    score[query] = table.column("distractor_score").to_numpy()
    ranking = Ranking(
        np.array(classes),
        filled(np.where(is_unknown, UNKNOWN_CODE, code), NOTHING),
        filled(table.column("similarity").to_numpy().astype(np.float32), np.nan),
        filled(nearest, -1),
        score,
        filled(table.column("probability").to_numpy().astype(np.float32), np.nan),
        unknown,
        query_names,
    )
    return ranking, facts


def _places(path: Path, column: Any, names: Sequence[str], what: str) -> Anything:
    """Give the place among `names` of every value, -1 for none."""
    place = {_utf8(name): row for row, name in enumerate(names)}
    places = []
    for value in column.to_pylist():
        if value is not None and value not in place:
            raise AnswersError(f"{path} names '{value}', which is not among the {what}: were these the run's?")
        places.append(-1 if value is None else place[value])
    return np.array(places)

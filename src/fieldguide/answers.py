"""Answers on disk: the table that competitions take, and the details behind it."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.arrays import Anything, Floats
from fieldguide.catalog.read import UNKNOWN
from fieldguide.catalog.tables import read_columns
from fieldguide.errors import AnswersError
from fieldguide.files import check_writable, written_whole
from fieldguide.recognition import NOTHING
from fieldguide.recognition import UNKNOWN as UNKNOWN_CODE
from fieldguide.recognition.ranking import Ranking

UNNAMED = "backbone not named"
FACTS = "fieldguide"  # the key of a run's facts in the metadata of its details


@dataclass(frozen=True)
class Format:
    """How answers are written: one row a query, its labels in one cell, best first.

    Attributes
    ----------
    image_column, label_column : names of the columns
    separator : stands between labels, in none of them
    unknown : the unknown label
    """

    image_column: str = "image"
    label_column: str = "label"
    separator: str = " "
    unknown: str = UNKNOWN

    def check(self, labels: Iterable[str]) -> None:
        """Refuse labels that could not be told apart in one cell.

        Raises
        ------
        AnswersError : the separator is empty or stands in a label, or the columns have one name.
        """
        if not self.separator:
            raise AnswersError("the separator is empty: labels in one cell could not be told apart")
        if not self.unknown:
            raise AnswersError("the unknown label is empty: an answer needs something to say")
        if self.image_column == self.label_column:
            raise AnswersError(f"the image and label columns are both called '{self.image_column}'")
        for label in {*labels, self.unknown}:
            if self.separator in label:
                raise AnswersError(
                    f"the label '{label}' holds the separator '{self.separator}': "
                    "choose another with --separator, for example --separator ';'"
                )


def write_answers(ranking: Ranking, path: str | os.PathLike[str], form: Format | None = None) -> None:
    """Write one row a query: its name and its labels, best first. The file appears whole or not at all.

    Raises
    ------
    AnswersError : a label holds the separator.
    FieldguideError : the file cannot be written.
    """
    form = form or Format(unknown=ranking.unknown)
    form.check(str(label) for label in ranking.classes)
    rows = ((name, form.separator.join(labels)) for name, labels in ranking)
    write_table(Path(path), (form.image_column, form.label_column), rows)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a CSV of text, whole or not at all. File names that are not UTF-8 keep their bytes."""
    check_writable(path)
    rows = list(rows)
    # Python's csv, before 3.13, quotes a lone carriage return only when told to
    odd = any("\r" in cell for row in rows for cell in row)
    with (
        written_whole(path) as scratch,
        scratch.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL).writerows(
            [header, *rows]
        )


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
    """

    recipe: str
    backbone: str
    seed: int
    account: str
    contamination: float
    interval: tuple[float, float] | None = None

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
    nearest (the gallery picture), distractor_score. The facts of the run lie in the file's metadata.

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
    check_writable(Path(path))
    with written_whole(Path(path)) as scratch:
        pq.write_table(pa.table(columns, metadata={FACTS: json.dumps(asdict(facts))} if facts else None), scratch)


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
    """

    names: Sequence[str]
    labels: Sequence[Sequence[str]]
    distractor_score: Floats | None = None


def read_answers(path: str | os.PathLike[str], form: Format | None = None) -> Answers:
    """Read the CSV of `write_answers`, or the Parquet of `write_details`, which has distractor scores too.

    Raises
    ------
    CatalogError : the file or a column is missing.
    AnswersError : a query is answered twice, or a label stands twice in one answer.
    """
    form, path = form or Format(), Path(path)
    form.check([])
    if path.suffix.lower() in {".parquet", ".pq"}:
        answers = _read_details(path)
    else:
        names, cells = read_columns(path, [form.image_column, form.label_column])
        answers = Answers(names, [list(filter(None, cell.split(form.separator))) for cell in cells])
    seen = set()
    for name, labels in zip(answers.names, answers.labels, strict=True):
        if name in seen:
            raise AnswersError(f"{path}: {name} is answered twice")
        if len(set(labels)) != len(labels):
            raise AnswersError(f"{path}: {name} has a label twice: {form.separator.join(labels)}")
        seen.add(name)
    return answers


def _read_details(path: Path) -> Answers:
    images, ranks, labels, scores = read_columns(path, ["image", "rank", "label", "distractor_score"])
    rows = sorted(zip(images, map(int, ranks), labels, map(float, scores), strict=True), key=lambda row: row[1])
    by_name: dict[str, list[str]] = {image: [] for image in images}
    score_of = {}
    for image, _, label, score in rows:
        by_name[image].append(label)
        score_of[image] = score
    return Answers(
        list(by_name),
        list(by_name.values()),
        np.array([score_of[name] for name in by_name], dtype=np.float32),
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
    import pyarrow.parquet as pq

    path = Path(path)
    read_columns(path, ["image", "label"])  # complains as for any other table
    table = pq.read_table(path)
    stored: Mapping[bytes, bytes] = table.schema.metadata or {}
    if FACTS.encode() not in stored:
        raise AnswersError(f"{path} does not say how its answers were found: write it anew with identify --details")
    facts = RunFacts(**json.loads(stored[FACTS.encode()]))
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

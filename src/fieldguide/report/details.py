"""The details of a run on disk: a row an answer, and how it was made."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.core.errors import AnswersError
from fieldguide.core.files import written_whole
from fieldguide.core.outputs import DETAILS
from fieldguide.embedding.table import UNNAMED
from fieldguide.recognition import NOTHING
from fieldguide.recognition import UNKNOWN as UNKNOWN_CODE
from fieldguide.recognition.expectation import Expectation, Share
from fieldguide.recognition.ranking import NO_GROUP, Ranking
from fieldguide.records.details_parquet import CLASSES, FACTS, GROUP, read_json, read_table
from fieldguide.records.read import UNKNOWN


@dataclass(frozen=True)
class RunFacts:
    """What a report says of a run beside its ranking.

    Attributes
    ----------
    recipe, seed : as they were chosen
    backbone : by name; of embeddings from files what these name, and if they name none, the files and `UNNAMED`
    rejection_summary : by what distractors were told apart, in words
    contamination : the share of distractors, estimated, given or called
    interval : its 90% interval, where it was estimated
    name_above : the probability below which no query was named, if there was one
    expected : how right the recognizer expected its names to be, before `name_above`, if it did
    engine, precision : what ran the backbone; None where embeddings were given, or an earlier version wrote the file
    explanation : what else was said of how answers were found, such as what match scores were used for; a line each
    """

    recipe: str
    backbone: str
    seed: int
    rejection_summary: str
    contamination: float
    interval: tuple[float, float] | None = None
    engine: str | None = None
    precision: str | None = None
    name_above: float | None = None
    expected: Expectation | None = None
    explanation: str = ""

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
    nearest (the gallery picture), distractor_score, group (the new class of the query, if it is in one). The facts of
    the run and all labels of the gallery lie in the file's metadata.

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
        GROUP: pa.array([ranking.group_name(int(row)) for row in query], pa.string()),
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
    RecordsError : the file or a column is missing.
    AnswersError : the file has no facts of a run, or is of another gallery or other queries.
    """
    path = Path(path)
    table = read_table(path)
    stored = read_json(path, table, FACTS)
    if stored is None:
        raise AnswersError(f"{path} does not say how its answers were found: write it anew with identify --details")
    try:
        facts = RunFacts(**stored | {"expected": _expectation(stored.get("expected"))})
    except (TypeError, ValueError, KeyError, AttributeError) as error:
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
        groups=_groups(table, query, len(query_names)),
    )
    return ranking, facts


def _groups(table: Any, query: Anything, n: int) -> Anything | None:
    """(n,) the group of each query, -1 for none; None where there is no group at all."""
    names = table.column(GROUP).to_pylist() if GROUP in table.column_names else []
    if not any(names):
        return None
    groups = np.full(n, NO_GROUP)
    groups[query] = [NO_GROUP if name is None else int(name.removeprefix("new-")) - 1 for name in names]
    return groups


def _expectation(stored: Any) -> Expectation | None:
    """Give back the expectation that `asdict` made a mapping of."""
    if stored is None:
        return None
    shares = {
        name: None if share is None else Share(*(float(share[part]) for part in ("value", "low", "high")))
        for name, share in stored.items()
    }
    return Expectation(**shares)


def _places(path: Path, column: Any, names: Sequence[str], what: str) -> Anything:
    """Give the place among `names` of every value, -1 for none."""
    place = {_utf8(name): row for row, name in enumerate(names)}
    places = []
    for value in column.to_pylist():
        if value is not None and value not in place:
            raise AnswersError(f"{path} names '{value}', which is not among the {what}: were these the run's?")
        places.append(-1 if value is None else place[value])
    return np.array(places)

"""Reads the Parquet of details: the columns that are needed, checked for their types and for what is missing."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.core.errors import AnswersError, RecordsError
from fieldguide.records.groups import is_group
from fieldguide.records.tables import PARQUET

if TYPE_CHECKING:
    import pyarrow as pa

FACTS = b"fieldguide"  # the keys in the file's metadata: of the facts of its run
CLASSES = b"fieldguide.classes"  # and of all labels of the gallery
TYPES = {
    "image": "string",
    "rank": "int32",
    "label": "string",
    "unknown": "bool",
    "similarity": "float32",
    "probability": "float32",
    "nearest": "string",
    "distractor_score": "float32",
}
GROUP = "group"  # a column that earlier versions did not write: read where it is there
MAY_MISS = {"similarity", "probability", "nearest", GROUP}  # the unknown label has none; known queries are in no group


def is_details(path: Path) -> bool:
    """Whether a Parquet has ranks; one without is a table of answers."""
    return "rank" in column_names(path)


def column_names(path: Path) -> list[str]:
    """Give the columns of a Parquet; none of what is no Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() not in PARQUET or not path.is_file():
        return []
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):  # for whoever reads it as a table to complain of
        return []


def read_table(path: Path, columns: Sequence[str] = tuple(TYPES)) -> "pa.Table":
    """Read columns of details, and the groups where there are any.

    Raises
    ------
    RecordsError : there is no such file.
    AnswersError : it is no Parquet, or not one that `identify --details` wrote.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise RecordsError(f"no such file: {path}")
    wrote = "name what identify --details wrote"
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise AnswersError(f"{path} is not a Parquet of details ({str(error).splitlines()[0]}): {wrote}") from error
    if missing := [name for name in columns if name not in table.column_names]:
        raise AnswersError(f"{path} holds no details, as it has no column '{missing[0]}': {wrote}")
    columns = [*columns, GROUP] if GROUP in table.column_names else columns
    try:
        arrays = [table.column(name).cast(TYPES.get(name, "string")) for name in columns]
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise AnswersError(f"{path} holds no details ({str(error).splitlines()[0]}): {wrote}") from error
    checked = pa.table(dict(zip(columns, arrays, strict=True)), metadata=table.schema.metadata)
    for name in columns:
        if checked.column(name).null_count and name not in MAY_MISS:
            raise AnswersError(f"{path} holds no details, as a row has no value in column '{name}': {wrote}")
    if not len(checked):
        raise AnswersError(f"{path} holds no answers")
    _check_ranks(path, checked)
    if GROUP in columns:
        bad = next((name for name in checked.column(GROUP).unique().to_pylist() if name and not is_group(name)), None)
        if bad:
            raise AnswersError(f"{path} names a group '{bad}', and they are called new-1, new-2 and so on: {wrote}")
    return checked


def _check_ranks(path: Path, table: "pa.Table") -> None:
    """Refuse ranks that count nothing, a rank twice in one answer, and distractor scores that are none."""
    import pyarrow.compute as pc

    if pc.min(table.column("rank")).as_py() < 1:
        raise AnswersError(f"{path} has ranks below 1: the best answer's is 1")
    if pc.max(table.column("rank")).as_py() > len(table):
        raise AnswersError(f"{path} has ranks above the number of its rows: the best answer's is 1, the next one's 2")
    if table.group_by(["image", "rank"]).aggregate([]).num_rows != len(table):
        raise AnswersError(f"{path} has two answers of one rank: a picture is answered twice")
    if "distractor_score" in table.column_names:
        bad = pc.index(pc.is_finite(table.column("distractor_score")), False).as_py()
        if bad >= 0:
            raise AnswersError(f"{path}: the distractor score of {table.column('image')[bad]} is no number")


def read_json(path: Path, table: "pa.Table", key: bytes) -> Any:
    """Give what the metadata hold under a key; None if there is nothing.

    Raises
    ------
    AnswersError : it is not JSON.
    """
    stored = (table.schema.metadata or {}).get(key)
    try:
        return None if stored is None else json.loads(stored)
    except ValueError as error:
        raise AnswersError(f"{path} says nothing that can be read of its run: {error}") from error

"""Embeddings in files that other tools read, and that stand in for the pictures they were made of."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything, Floats
from fieldguide.core.errors import RecordsError
from fieldguide.core.files import written_whole
from fieldguide.core.outputs import EMBEDDINGS
from fieldguide.embedding.npz import read_arrays
from fieldguide.embedding.vectors import (
    check_finite,
    describe_constant_rows,
    rows_of_array,
    rows_of_column,
)

log = logging.getLogger("fieldguide")

PARQUET, NPZ = {".parquet", ".pq"}, {".npz"}
ROWS = 4096  # a row group; memory holds one of them beside the embeddings


@dataclass(frozen=True)
class EmbeddingColumns:
    """What a file of embeddings holds.

    Attributes
    ----------
    images : (n,) the pictures' names
    labels : (n,) their classes, if the file has them
    matrix : (n, dim) float32
    backbone, fingerprint : of what made them; empty where the file does not say
    """

    images: Sequence[str]
    labels: Sequence[str] | None
    matrix: Floats
    backbone: str
    fingerprint: str


def is_embeddings(path: Path) -> bool:
    """Whether a file holds embeddings: a .npz, or a Parquet with the column `embedding`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix.lower() in NPZ:
        return path.is_file()
    if path.suffix.lower() not in PARQUET or not path.is_file():
        return False
    try:
        return "embedding" in pq.read_schema(path).names
    except (pa.ArrowException, OSError):  # for whoever reads it as a table to complain of
        return False


def write_columns(columns: EmbeddingColumns, path: Path) -> None:
    """Write a file of embeddings, by the ending of its name: image, label if there are labels, and embedding.

    The backbone's name and fingerprint are in Parquet's metadata, under `fieldguide.backbone` and
    `fieldguide.fingerprint`, and in a .npz the arrays `backbone` and `fingerprint`.

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    EMBEDDINGS.check(path)
    texts = {"image": [_text(name) for name in columns.images]}
    if columns.labels is not None:
        texts["label"] = [_text(label) for label in columns.labels]
    with written_whole(path) as scratch:
        if path.suffix.lower() in NPZ:
            made_by = {"backbone": columns.backbone, "fingerprint": columns.fingerprint}
            arrays: dict[str, Any] = {name: np.array(text, np.str_) for name, text in {**texts, **made_by}.items()}
            with scratch.open("wb") as file:
                np.savez(file, embedding=columns.matrix, **arrays)
        else:
            _write_parquet(texts, columns, scratch)


def read_columns(path: Path) -> EmbeddingColumns:
    """Read what `write_columns` wrote, or a file of another program with the same columns.

    Raises
    ------
    RecordsError : the file is not there or not what its name says, something is missing in it, or an embedding has a
        number that is none.
    """
    if not path.is_file():
        raise RecordsError(f"no such file: {path}")
    texts, matrix, made_by = _read_npz(path) if path.suffix.lower() in NPZ else _read_parquet(path)
    if not len(matrix):
        raise RecordsError(f"{path} holds no embeddings")
    _check_texts(path, texts)
    check_finite(path, matrix, texts["image"])
    if warning := describe_constant_rows(matrix, texts["image"]):
        log.warning("%s: %s", path, warning)
    return EmbeddingColumns(texts["image"], texts.get("label"), matrix, *made_by)


def _text(name: str) -> str:
    """A name as Parquet can hold it: bytes of a file's name that are no UTF-8 are written as \\xe9 and the like."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _write_parquet(texts: dict[str, list[str]], columns: EmbeddingColumns, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    matrix, item = columns.matrix, pa.field("item", pa.float32(), nullable=False)
    fields = [pa.field(name, pa.string()) for name in texts] + [pa.field("embedding", pa.list_(item, matrix.shape[1]))]
    names = {"fieldguide.backbone": columns.backbone, "fieldguide.fingerprint": columns.fingerprint}
    schema = pa.schema(fields, metadata=names)
    with pq.ParquetWriter(path, schema, use_dictionary=["label"], write_statistics=list(texts)) as writer:
        for start in range(0, len(matrix), ROWS):
            end = start + ROWS
            rows = pa.array(matrix[start:end].reshape(-1))
            arrays = [pa.array(column[start:end], pa.string()) for column in texts.values()]
            arrays.append(pa.FixedSizeListArray.from_arrays(rows, type=fields[-1].type))
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _read_parquet(path: Path) -> tuple[dict[str, list[str]], Floats, list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_columns(path, names)
            texts: dict[str, list[str]] = {name: [] for name in ("image", "label") if name in names}
            matrix, start = None, 0
            for batch in file.iter_batches(ROWS, columns=[*texts, "embedding"]):
                for name, column in texts.items():
                    column.extend(_texts(batch.column(name)))
                width = None if matrix is None else matrix.shape[1]
                rows = rows_of_column(path, batch.column("embedding"), texts["image"][start:], start, width)
                if matrix is None:
                    matrix = np.empty((file.metadata.num_rows, rows.shape[1]), np.float32)
                matrix[start : start + len(rows)] = rows
                start += len(rows)
            metadata = file.schema_arrow.metadata or {}
    except MemoryError as error:
        raise RecordsError(f"{path} cannot be read as embeddings: it does not fit into memory") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise RecordsError(f"{path} cannot be read as embeddings: {str(error).splitlines()[0]}") from error
    made_by = [
        metadata.get(name.encode(), b"").decode(errors="replace")
        for name in ("fieldguide.backbone", "fieldguide.fingerprint")
    ]
    return texts, np.empty((0, 0), np.float32) if matrix is None else matrix[:start], made_by


def _read_npz(path: Path) -> tuple[dict[str, list[str]], Floats, list[str]]:
    arrays = read_arrays(path, ("image", "embedding"))
    texts: dict[str, list[str]] = {}
    for name in ("image", "label"):
        if name in arrays:
            texts[name] = _texts_of_array(path, name, arrays[name])
    matrix = rows_of_array(path, arrays["embedding"], len(texts["image"]))
    if len(texts.get("label", texts["image"])) != len(matrix):
        raise RecordsError(f"{path}: 'label' has {len(texts['label']):,} values, 'image' has {len(matrix):,}")
    made_by = [str(arrays[name]) if name in arrays else "" for name in ("backbone", "fingerprint")]
    return texts, matrix, made_by


def _texts(values: Any) -> list[str]:
    """Give a column as text: the number 7 is `7`, whether it was an integer or, as where values miss, 7.0."""
    import pyarrow as pa

    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        return ["" if number is None or isnan(number) else _number(number) for number in values.to_pylist()]
    return ["" if text is None else text for text in values.cast(pa.string()).to_pylist()]


def _number(number: float) -> str:
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else str(number)


def _texts_of_array(path: Path, name: str, values: Anything) -> list[str]:
    import pyarrow as pa

    if values.ndim != 1 or values.dtype.kind not in "USfiu":
        raise RecordsError(
            f"{path}: '{name}' is an array of {values.dtype} of shape {values.shape}, where a row of text is expected"
        )
    try:
        return _texts(pa.array(values.tolist()))
    except (pa.ArrowException, UnicodeError) as error:
        raise RecordsError(f"{path}: '{name}' cannot be read as text: {str(error).splitlines()[0]}") from error


def _check_columns(path: Path, names: list[str]) -> None:
    for name in ("image", "embedding"):
        if name not in names:
            raise RecordsError(f"{path} has no '{name}'; it has {', '.join(names) or 'nothing at all'}")
        if names.count(name) > 1:
            raise RecordsError(f"{path} has the column '{name}' more than once")


def _check_texts(path: Path, texts: dict[str, list[str]]) -> None:
    """Refuse a row without a name or a label, and a picture that is there twice."""
    for name, column in texts.items():
        if "" in column:
            raise RecordsError(f"{path}: row {column.index('') + 1:,} has no value in '{name}'")
    seen: dict[str, int] = {}
    for row, image in enumerate(texts["image"]):
        first = seen.setdefault(os.path.normpath(image), row)
        if first != row:
            labels = texts.get("label", [""] * len(texts["image"]))
            alike = labels[first] == labels[row]
            two = "listed twice" if alike else f"under two labels, '{labels[first]}' and '{labels[row]}'"
            raise RecordsError(f"{path}: {image} is {two} (rows {first + 1:,} and {row + 1:,})")

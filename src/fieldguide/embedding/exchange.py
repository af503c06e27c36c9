"""Embeddings in files that other tools read, and that stand in for the pictures they were made of."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.arrays import Floats
from fieldguide.catalog import Catalog
from fieldguide.embedding.backbones import Backbone, fingerprint
from fieldguide.embedding.pipeline import Embeddings
from fieldguide.errors import CatalogError, FieldguideError
from fieldguide.files import check_writable, written_whole

PARQUET, NPZ = {".parquet", ".pq"}, {".npz"}
ROWS = 4096  # a row group; memory holds one of them beside the embeddings


@dataclass(frozen=True)
class MadeBy:
    """The backbone that embeddings are of; without a name for those that another program made."""

    backbone: str = ""
    fingerprint: str = ""

    def __str__(self) -> str:
        return f"{self.backbone} ({self.fingerprint})" if self.fingerprint else "a backbone that they do not name"


@dataclass(frozen=True)
class EmbeddedPictures:
    """Pictures with their embeddings, and what made these; of a gallery, its labelled distractors apart."""

    catalog: Catalog
    embeddings: Embeddings
    made_by: MadeBy
    distractors: "EmbeddedPictures | None" = None


def made_by(backbone: Backbone) -> MadeBy:
    """Name a backbone as files of embeddings do."""
    return MadeBy(backbone.name, fingerprint(backbone))


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


def check_embeddings_path(path: Path) -> None:
    """Refuse, before any work, a file that `write_embeddings` could not write.

    Raises
    ------
    FieldguideError : its name ends in neither .parquet nor .npz, or its folder is not there or closed to us.
    """
    if path.suffix.lower() not in PARQUET | NPZ:
        raise FieldguideError(f"{path}: embeddings are written to a .parquet or a .npz")
    check_writable(path)


def write_embeddings(embedded: EmbeddedPictures, path: Path) -> None:
    """Write the pictures that have embeddings: image, label if there are labels, and embedding, a row a picture.

    The backbone's name and fingerprint are in Parquet's metadata, under `fieldguide.backbone` and
    `fieldguide.fingerprint`, and in a .npz the arrays `backbone` and `fingerprint`.

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    check_embeddings_path(path)
    known = embedded.catalog.take(embedded.embeddings.rows)
    texts = {"image": [_text(name) for name in known.images]}
    if known.labels is not None:
        texts["label"] = [_text(label) for label in known.labels]
    with written_whole(path) as scratch:
        if path.suffix.lower() in NPZ:
            by = {"backbone": embedded.made_by.backbone, "fingerprint": embedded.made_by.fingerprint}
            arrays: dict[str, Any] = {name: np.array(text, np.str_) for name, text in {**texts, **by}.items()}
            with scratch.open("wb") as file:
                np.savez(file, embedding=embedded.embeddings.matrix, **arrays)
        else:
            _write_parquet(texts, embedded.embeddings.matrix, embedded.made_by, scratch)


def read_embeddings(path: str | os.PathLike[str]) -> EmbeddedPictures:
    """Read what `write_embeddings` wrote, or a file of another program with the same columns.

    Raises
    ------
    CatalogError : the file is not there or not what its name says, something is missing in it, or an embedding has a
        number that is none.
    """
    path = Path(path)
    if not path.is_file():
        raise CatalogError(f"no such file: {path}")
    texts, matrix, made = _read_npz(path) if path.suffix.lower() in NPZ else _read_parquet(path)
    if not len(matrix):
        raise CatalogError(f"{path} holds no embeddings")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise CatalogError(f"{path}: the embedding of {texts['image'][row]} has a number that is none")
    catalog = Catalog(texts["image"], [path.parent / name for name in texts["image"]], texts.get("label"))
    return EmbeddedPictures(catalog, Embeddings(range(len(matrix)), matrix, {}), made)


def _text(name: str) -> str:
    """A name as Parquet can hold it: bytes of a file's name that are no UTF-8 are written as \\xe9 and the like."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _write_parquet(texts: dict[str, list[str]], matrix: Floats, made: MadeBy, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    item = pa.field("item", pa.float32(), nullable=False)
    fields = [pa.field(name, pa.string()) for name in texts] + [pa.field("embedding", pa.list_(item, matrix.shape[1]))]
    names = {"fieldguide.backbone": made.backbone, "fieldguide.fingerprint": made.fingerprint}
    schema = pa.schema(fields, metadata=names)
    with pq.ParquetWriter(path, schema, use_dictionary=["label"], write_statistics=list(texts)) as writer:
        for start in range(0, len(matrix), ROWS):
            end = start + ROWS
            rows = pa.array(matrix[start:end].reshape(-1))
            columns = [pa.array(column[start:end], pa.string()) for column in texts.values()]
            columns.append(pa.FixedSizeListArray.from_arrays(rows, type=fields[-1].type))
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _read_parquet(path: Path) -> tuple[dict[str, list[str]], Floats, MadeBy]:
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
                    column.extend(batch.column(name).cast(pa.string()).to_pylist())
                rows = _rows(path, batch.column("embedding"))
                if matrix is None:
                    matrix = np.empty((file.metadata.num_rows, rows.shape[1]), np.float32)
                matrix[start : start + len(rows)] = rows
                start += len(rows)
            about = file.schema_arrow.metadata or {}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CatalogError(f"{path} cannot be read as embeddings: {str(error).splitlines()[0]}") from error
    made = [about.get(name.encode(), b"").decode() for name in ("fieldguide.backbone", "fieldguide.fingerprint")]
    _check_texts(path, texts)
    return texts, np.empty((0, 0), np.float32) if matrix is None else matrix, MadeBy(*made)


def _rows(path: Path, column: Any) -> Floats:
    """(n, dim) from a column of lists; the lists of other programs may be of any length."""
    numbers = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32, copy=False)
    if column.null_count or not len(column) or len(numbers) % len(column):
        raise CatalogError(f"{path}: the embeddings are not all of one length")
    return np.asarray(numbers.reshape(len(column), -1))


def _read_npz(path: Path) -> tuple[dict[str, list[str]], Floats, MadeBy]:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as file:  # a pickle would run what is in it
            _check_columns(path, file.files)
            texts = {name: file[name].astype(str).tolist() for name in ("image", "label") if name in file.files}
            matrix = file["embedding"].astype(np.float32, copy=False)
            made = [str(file[name]) if name in file.files else "" for name in ("backbone", "fingerprint")]
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CatalogError(f"{path} cannot be read as embeddings: {str(error).splitlines()[0]}") from error
    if matrix.ndim != 2 or any(len(column) != len(matrix) for column in texts.values()):
        raise CatalogError(f"{path}: 'embedding' has not one row for each of 'image'")
    _check_texts(path, texts)
    return texts, matrix, MadeBy(*made)


def _check_columns(path: Path, names: list[str]) -> None:
    for name in ("image", "embedding"):
        if name not in names:
            raise CatalogError(f"{path} has no '{name}'; it has {', '.join(names) or 'nothing at all'}")


def _check_texts(path: Path, texts: dict[str, list[str]]) -> None:
    for name, column in texts.items():
        if None in column or "" in column:
            raise CatalogError(f"{path}: a row has no value in '{name}'")

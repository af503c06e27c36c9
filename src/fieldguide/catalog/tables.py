"""Columns of text out of CSV and Parquet: what is written `007` stays `007`."""

import csv
from collections.abc import Sequence
from pathlib import Path

from fieldguide.errors import CatalogError

CSV = {".csv", ".tsv", ".txt"}
PARQUET = {".parquet", ".pq"}


def is_table(path: Path) -> bool:
    """Whether the name says that this is a table, not a picture or a folder."""
    return path.suffix.lower() in CSV | PARQUET


def read_columns(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Read text columns from a CSV or Parquet file.

    Parameters
    ----------
    path : a file for which `is_table` holds
    columns : names of columns, each of which must be there and hold something in every row

    Returns
    -------
    One list a column, in the order of the rows. No value is ever interpreted: `NA`, `1e5`, `True` are text.

    Raises
    ------
    CatalogError : the file is missing or is not what its name says, a row is ragged, a column is not there,
        or a value is empty.
    """
    if not path.is_file():
        raise CatalogError(f"no such file: {path}")
    values = _read_parquet(path, columns) if path.suffix.lower() in PARQUET else _read_csv(path, columns)
    for name, column in zip(columns, values, strict=True):
        if "" in column:
            raise CatalogError(f"{path}: row {column.index('') + 1} has no value in column '{name}'")
    return values


def _read_csv(path: Path, columns: Sequence[str]) -> list[list[str]]:
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    values: list[list[str]] = [[] for _ in columns]
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the first column's name
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, [])
            wanted = _positions(path, header, columns)
            for row in reader:
                if not row:  # an empty line
                    continue
                if len(row) != len(header):
                    raise CatalogError(
                        f"{path}, line {reader.line_num}: {len(row)} values where the header names "
                        f"{len(header)} columns; quote values that hold a comma"
                    )
                for column, position in zip(values, wanted, strict=True):
                    column.append(row[position])
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path} is not UTF-8 (byte {error.start}): save it as 'CSV UTF-8'") from error
    except csv.Error as error:
        raise CatalogError(f"{path}, line {reader.line_num}: not a CSV: {error}") from error
    except OSError as error:
        raise CatalogError(f"{path} cannot be read: {error.strerror}") from error
    return values


def _read_parquet(path: Path, columns: Sequence[str]) -> list[list[str]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        _positions(path, schema.names, columns)
        table = pq.read_table(path, columns=list(columns))
        texts = [table.column(name).cast(pa.string()) for name in columns]
    except (pa.ArrowException, OSError) as error:
        raise CatalogError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    return [["" if value is None else value for value in text.to_pylist()] for text in texts]


def _positions(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    for column in columns:
        if column not in header:
            there = ", ".join(f"'{name}'" for name in header) or "none at all"
            raise CatalogError(
                f"{path} has no column '{column}'; it has {there}. Name yours with --image-column and --label-column"
            )
        if list(header).count(column) > 1:
            raise CatalogError(f"{path} has the column '{column}' more than once")
    return [list(header).index(column) for column in columns]

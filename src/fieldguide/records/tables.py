"""Columns of text out of CSV and Parquet: what is written `007` stays `007`."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from fieldguide.core.errors import RecordsError
from fieldguide.records.text import normal_form

CSV = {".csv", ".tsv", ".txt"}
PARQUET = {".parquet", ".pq"}
SPREADSHEETS = {".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"}
DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}


def is_table(path: Path) -> bool:
    """Whether the name says that this is a table, not a picture or a folder.

    Raises
    ------
    RecordsError : it is a table of a kind that is not read.
    """
    if path.suffix.lower() in SPREADSHEETS and path.is_file():
        raise RecordsError(f"{path} is a spreadsheet, which is not read: save it as 'CSV UTF-8'")
    return path.suffix.lower() in CSV | PARQUET


def read_columns(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Read text columns from a CSV or Parquet file, all of which must be there: as `read_cells` does."""
    return read_cells(path, columns)[0]


def read_cells(
    path: Path, columns: Sequence[str], others: Sequence[str] = ()
) -> tuple[list[list[str]], dict[str, list[str]]]:
    """Read text columns from a CSV or Parquet file, and others if they are there.

    A CSV is one of commas, semicolons, tabs or bars: that which lets its header have the columns. It is UTF-8, or
    UTF-16. Rows without any value, and columns without a name, are those of a spreadsheet.

    Parameters
    ----------
    path : a file for which `is_table` holds
    columns : names of columns, each of which must be there and hold something in every row
    others : names of columns that need not be there, and may hold nothing; lists in a Parquet are numbers with spaces
        between them

    Returns
    -------
    One list a column, in the order of the rows, and one for each other column that is there, by name. No value is ever
    interpreted: `NA`, `1e5`, `True` are text.

    Raises
    ------
    RecordsError : the file is missing or is not what its name says, a row is ragged, a column is not there,
        or a value is empty.
    """
    if not path.is_file():
        raise RecordsError(f"{path} is a folder: name a table" if path.is_dir() else f"no such file: {path}")
    read = _read_parquet if path.suffix.lower() in PARQUET else _read_csv
    names, values = read(path, columns, others)
    for name, column in zip(columns, values, strict=False):
        empty = next((row for row, value in enumerate(column, 1) if _is_empty(value)), None)
        if empty:
            raise RecordsError(f"{path}: row {empty} has no value in column '{name}'")
    n = len(columns)
    return values[:n], dict(zip(names[n:], values[n:], strict=True))


def _read_csv(path: Path, columns: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    try:
        encoding = _encoding(path)
        with path.open(newline="", encoding=encoding) as file:
            delimiter, header, rows = _begin(path, file, columns)
            names = [*columns, *(name for name in others if _places(header, name))]
            positions = _positions(path, header, names)
            values: list[list[str]] = [[] for _ in names]
            named = len(header) - next((n for n, name in enumerate(reversed(header)) if not _is_empty(name)), 0)
            for line, row in rows:
                if len(row) == 1 < len(header) and _is_empty(row[0]):
                    continue
                cells = row[: len(header)] if all(map(_is_empty, row[len(header) :])) else row
                if not named <= len(cells) <= len(header):
                    raise RecordsError(
                        f"{path}, line {line}: {len(row)} values where the header names "
                        f"{named} columns; quote values that hold {DELIMITERS.get(delimiter, delimiter)}"
                    )
                for column, position in zip(values, positions, strict=True):
                    column.append(cells[position])
    except UnicodeDecodeError as error:
        raise RecordsError(_not_unicode(path, encoding)) from error
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}") from error
    return names, values


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):  # Excel's "Unicode text"
        return "utf-16"
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # without a mark: every other byte is nothing
        if len(start) >= 8 and not any(start[first:20:2]):
            return encoding
    return "utf-8-sig"  # spreadsheets put a byte order mark before the first column's name


def _not_unicode(path: Path, encoding: str) -> str:
    """Say where a file is not text in its encoding: an error while reading counts from the block it was read in."""
    content = path.read_bytes()
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        if encoding != "utf-8-sig":
            return f"{path} is not UTF-16 (byte {error.start}): save it as 'CSV UTF-8'"
        there = content[before.rfind(b"\n") + 1 :].split(b"\n")[0].decode("cp1252", errors="replace").strip()
        return (
            f"{path} is not UTF-8 (byte {error.start}): save it as 'CSV UTF-8', or convert it, from Windows-1252 if "
            f"line {line} is to read {there[:80]}"
        )
    return f"{path} changed while it was read: try again"


Rows = Iterator[tuple[int, list[str]]]  # the number of the last line of each, and its values


def _begin(path: Path, file: TextIO, columns: Sequence[str]) -> tuple[str, list[str], Rows]:
    """Find the delimiter by which a file's header has the columns; give it, the header and the rows after it.

    If there is none, it is the one that the file's name says.
    """
    declared = re.fullmatch(r'"?sep=(.)"?', file.readline().strip("\r\n"))  # Excel's own first line
    start, lines = (file.tell(), 1) if declared else (0, 0)
    usual = declared[1] if declared else "\t" if path.suffix.lower() == ".tsv" else ","
    for delimiter in sorted(DELIMITERS, key=lambda delimiter: delimiter != usual):
        rows = _rows(path, file, delimiter, start, lines)
        try:
            header = next(rows, (0, []))[1]
        except RecordsError:  # quotes can be wrong by one delimiter and right by another
            continue
        if all(_places(header, column) for column in columns):
            return delimiter, header, rows
    rows = _rows(path, file, usual, start, lines)
    return usual, next(rows, (0, []))[1], rows


def _rows(path: Path, file: TextIO, delimiter: str, start: int, lines: int) -> Rows:
    """Go through the rows of a CSV in which something stands, from a place in the file before which are `lines`."""
    file.seek(start)
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row and (len(row) == 1 or not all(map(_is_empty, row))):
                yield lines + reader.line_num, row
    except csv.Error as error:
        raise RecordsError(f"{path}, line {lines + reader.line_num}: not a CSV: {error}") from error


def _is_empty(cell: str) -> bool:
    return not cell or cell.isspace()


def _read_parquet(path: Path, columns: Sequence[str], others: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        header = pq.read_schema(path).names
        names = [*columns, *(name for name in others if _places(header, name))]
        stored = [header[place] for place in _positions(path, header, names)]
        table = pq.read_table(path, columns=stored)
        texts = [_texts(table.column(name)) for name in stored]
    except (pa.ArrowException, OSError) as error:
        raise RecordsError(f"{path} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    rows = [[value or "" for value in row] for row in zip(*texts, strict=True)]
    full = [row for row in rows if len(row) == 1 or not all(map(_is_empty, row))]
    return names, [[row[place] for row in full] for place in range(len(names))]


def _texts(column: Any) -> list[str | None]:
    import pyarrow as pa

    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type):
        return [None if values is None else " ".join(map(str, values)) for values in column.to_pylist()]
    texts: list[str | None] = column.cast(pa.string()).to_pylist()
    return texts


def _places(header: Sequence[str], column: str) -> list[int]:
    """Where in a header a column's name stands, as it is or, if it does not, in another form of it."""
    exact = [place for place, name in enumerate(header) if name == column]
    return exact or [place for place, name in enumerate(header) if normal_form(name) == normal_form(column)]


def _positions(path: Path, header: Sequence[str], columns: Sequence[str]) -> list[int]:
    for column in columns:
        places = _places(header, column)
        if not places:
            there = ", ".join(f"'{name}'" for name in header if name) or "none at all"
            raise RecordsError(
                f"{path} has no column '{column}'; it has {there}. Name yours with --image-column and --label-column"
            )
        if len(places) > 1:
            raise RecordsError(f"{path} has the column '{column}' more than once")
    return [_places(header, column)[0] for column in columns]

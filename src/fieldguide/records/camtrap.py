"""Camtrap DP, the exchange format of camera traps: its observations of animals, and answers as their individuals.

Fields as in https://camtrap-dp.tdwg.org/data: observations name a file of `media` by `mediaID`, an individual by
`individualID`, and a box by `bboxX, bboxY, bboxWidth, bboxHeight`, as shares of the picture.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldguide.core.errors import RecordsError
from fieldguide.records.listed import ENCOUNTER, LABEL, Entry, box_of
from fieldguide.records.tables import read_columns

INDIVIDUAL, EVENT = "individualID", "eventID"
BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
OTHERS = {"blank", "human", "vehicle"}  # types of observations in which no animal is
MISSING = {"", "NaN", "nan"}  # what the format's schema takes for no value


def camtrap_entries(
    source: Path, package: dict[str, Any], label: str, *, labelled: bool, encounter: str = ""
) -> list[Entry]:
    """List the observations of animals that have an individual, or, as queries, those that have none.

    Those of an event, which name no file, are left out, as are those of people, vehicles and nothing.

    Parameters
    ----------
    source : the datapackage.json
    package : what it holds
    label : the column of individuals; `LABEL` for the usual one
    labelled : whether those that have an individual are wanted
    encounter : the column of encounters, `ENCOUNTER` for the usual one; empty for none

    Raises
    ------
    RecordsError : a table or column is missing, an observation names no file that is there, or its box is none.
    """
    label = INDIVIDUAL if label == LABEL else label
    encounter = EVENT if encounter == ENCOUNTER else encounter
    table = table_in(source, package, "media")
    media = dict(zip(*read_columns(table, ["mediaID", "filePath"]), strict=True))
    path = table_in(source, package, "observations")
    header, rows = read_observations(path)
    for column in ("mediaID", "observationType", label):
        if column not in header:
            raise RecordsError(f"{path} has no column '{column}', which Camtrap DP has")
    entries = []
    for place, row in enumerate(rows):
        cells = dict(zip(header, row, strict=False))
        if cells.get("mediaID", "") in MISSING or cells.get("observationType") in OTHERS:
            continue
        individual = "" if cells.get(label, "") in MISSING else cells[label]
        if bool(individual) is not labelled:
            continue
        where = f"{path}: row {place + 1}"
        if cells["mediaID"] not in media:
            raise RecordsError(f"{where} is of the file {cells['mediaID']}, which is not in {table.name}")
        image = media[cells["mediaID"]]
        if "://" in image:
            raise RecordsError(f"{where}: its picture is at {image}: fetch it, and put its path in {table}")
        numbers = [cells.get(name, "") for name in BOX]
        box = None if all(number in MISSING for number in numbers) else box_of(where, numbers, shares=True)
        entries.append(Entry(place, image, individual, box, cells.get(encounter, "")))
    return entries


def answered_observations(
    source: Path, package: dict[str, Any], individuals: Mapping[int, str], label: str
) -> tuple[list[str], list[list[str]]]:
    """Give header and rows of the observations, with the individuals of some, by place; all else stays as it is."""
    header, rows = read_observations(table_in(source, package, "observations"))
    column = header.index(INDIVIDUAL if label == LABEL else label)
    for place, individual in individuals.items():
        row = rows[place] = [*rows[place], *[""] * (len(header) - len(rows[place]))]
        row[column] = individual
    return header, rows


def table_in(source: Path, package: dict[str, Any], name: str) -> Path:
    """Give the file of a table of a package.

    Raises
    ------
    RecordsError : the package does not name one file.
    """
    resources = [one for one in package["resources"] if isinstance(one, dict) and one.get("name") == name]
    path = resources[0].get("path") if resources else None
    if isinstance(path, list) and len(path) == 1:
        path = path[0]
    if not isinstance(path, str) or "://" in path or not path.endswith(".csv"):
        raise RecordsError(f"{source}: the resource '{name}' is not one .csv beside it, as Camtrap DP has it")
    return source.parent / path


def read_observations(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read a table with every cell of it.

    Raises
    ------
    RecordsError : it is not there, or no CSV.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise RecordsError(f"{path} is no CSV in UTF-8: {error}") from error
    return header, rows

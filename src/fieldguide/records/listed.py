"""Pictures as documents of annotations list them, before they are a table, each with its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.records.columns import PictureColumns, part_names
from fieldguide.records.image_table import ImageTable
from fieldguide.records.places import Roots, locate
from fieldguide.records.regions import Box, Region
from fieldguide.records.text import normal_forms

LABEL = "label"  # the label column unless another is named: the document's usual one
ENCOUNTER = PictureColumns.encounter  # and that of encounters


@dataclass(frozen=True)
class Entry:
    """One picture, or a box in one.

    Attributes
    ----------
    place : of it in its document, where an answer is written to
    image : what the document calls the picture
    label : its class; empty if the document has none
    box : around the thing; None for the whole picture
    encounter : that it is of; empty if none is said
    """

    place: int
    image: str
    label: str = ""
    box: Box | None = None
    encounter: str = ""


def box_of(where: str, numbers: Sequence[object], *, shares: bool) -> Box:
    """Make the box of an entry.

    Raises
    ------
    RecordsError : it is none; the text begins with `where`.
    """
    try:
        if len(numbers) != 4:
            raise ValueError(f"has {len(numbers)} numbers")
        return Box.of([float(number) for number in numbers], shares=shares)  # type: ignore[arg-type]
    except TypeError:
        raise RecordsError(f"{where}: its box {numbers} is not four numbers, x, y, width and height") from None
    except ValueError as error:
        reason = str(error) if str(error).startswith(("has", "is")) else "is not in numbers"
        raise RecordsError(f"{where}: its box {reason}: x, y, width and height are wanted, or no box") from None


def merged(entries: Sequence[Entry]) -> dict[Entry, list[int]]:
    """Give the entries that say the same of the same part of a picture once, each with all their places."""
    places: dict[tuple[str, str, Box | None], list[int]] = {}
    first: dict[tuple[str, str, Box | None], Entry] = {}
    for entry in entries:
        key = entry.image, entry.label, entry.box
        first.setdefault(key, entry)
        places.setdefault(key, []).append(entry.place)
    return {first[key]: places[key] for key in first}


def table_of(source: Path, entries: Sequence[Entry], margin: float, roots: Roots, *, labelled: bool) -> ImageTable:
    """Make a table of entries, each of which is a picture to embed.

    Raises
    ------
    RecordsError : an image root is not there.
    """
    images = [entry.image for entry in entries]
    regions = {
        row: Region(entry.box, margin=margin, picture=entry.image) for row, entry in enumerate(entries) if entry.box
    }
    labels = normal_forms([entry.label for entry in entries]) if labelled else None
    met = normal_forms([entry.encounter for entry in entries])
    return ImageTable(
        part_names(images),
        locate(source, images, roots),
        labels,
        regions=regions,
        encounters=met if any(met) else None,
    )

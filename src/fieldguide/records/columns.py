"""What tables may say of a picture beside its name and label: boxes, masks and encounters, read out of text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.records.image_table import ImageTable
from fieldguide.records.places import Roots, locate
from fieldguide.records.regions import MARGIN, Box, Region
from fieldguide.records.text import normal_forms

BOXES = ("x", "y", "width", "height"), ("bbox",)  # the columns of a box, unless others are named
NONE = "none"  # in place of a column: there is none
SLACK = 1e-6  # shares may be above 1 by this, as they were rounded


@dataclass(frozen=True)
class PictureColumns:
    """Which columns of a table say more of a picture; those that are not there say nothing.

    Attributes
    ----------
    box : the four of x, y, width and height, or the one of all; None for the first of `BOXES` that is there. No names
        for no boxes
    mask : of the masks' files, which lie where pictures may lie; empty for none
    margin : by how much boxes are larger, as a share of their width and height, on each side
    encounter : of the names of encounters; empty for none
    """

    box: Sequence[str] | None = None
    mask: str = "mask"
    margin: float = MARGIN
    encounter: str = "encounter"

    def __post_init__(self) -> None:
        if self.box is not None and len(self.box) not in (0, 1, 4):
            raise RecordsError(
                f"--box-columns names {len(self.box)} columns, {', '.join(self.box)}: a box has four, "
                "x,y,width,height, or one with all of them"
            )
        if not 0 <= self.margin <= 10:
            raise RecordsError(f"--margin is a share of the box's sides, 0 or more, not {self.margin}")

    @classmethod
    def named(cls, box: str | None, mask: str, margin: float | None, encounter: str = "encounter") -> "PictureColumns":
        """Make them of what is said on the command line: names with commas between them, or `none`."""
        names = None if box is None else () if box.strip() == NONE else tuple(name.strip() for name in box.split(","))
        mask, encounter = ("" if name == NONE else name for name in (mask, encounter))
        return cls(names, mask, MARGIN if margin is None else margin, encounter)

    @property
    def wanted(self) -> list[str]:
        """The columns to read, where they are there."""
        boxes = [*BOXES[0], *BOXES[1]] if self.box is None else list(self.box)
        return boxes + [name for name in (self.mask, self.encounter) if name]

    @property
    def required(self) -> list[str]:
        """Those of them that were named by the user, so that they must be there."""
        given = zip((self.mask, self.encounter), (PictureColumns.mask, PictureColumns.encounter), strict=True)
        return list(self.box or ()) + [name for name, usual in given if name not in ("", usual)]


def with_regions(
    source: Path, pictures: ImageTable, cells: Mapping[str, Sequence[str]], columns: PictureColumns, roots: Roots = None
) -> ImageTable:
    """Add to a table's pictures what its columns say of them; one that is there several times gets several names.

    Parameters
    ----------
    source : the table
    pictures : a row each
    cells : (n,) texts by column, of those `columns.wanted` that the table has; empty for nothing
    columns : says which of them is what
    roots : where masks may be

    Returns
    -------
    The pictures with their regions and encounters. Those of one picture that has several rows are called `pond.jpg#1`,
    `pond.jpg#2` and so on, in the table's order.

    Raises
    ------
    RecordsError : a box is none; it names the row.
    """
    boxes, masks = _boxes(source, cells, columns), _masks(source, cells, columns, roots)
    rows = sorted({*boxes, *masks})
    if columns.encounter in cells:
        pictures = replace(pictures, encounters=normal_forms(cells[columns.encounter]))
    if not rows:
        return pictures
    regions = {row: Region(boxes.get(row), masks.get(row), columns.margin, pictures.images[row]) for row in rows}
    return replace(pictures, images=part_names(pictures.images), regions=regions)


def part_names(images: Sequence[str]) -> list[str]:
    """Number the names that stand more than once: `pond.jpg#1`, `pond.jpg#2`.

    >>> part_names(["pond.jpg", "tree.jpg", "pond.jpg"])
    ['pond.jpg#1', 'tree.jpg', 'pond.jpg#2']
    """
    often, so_far = Counter(images), Counter[str]()
    names = []
    for image in images:
        so_far[image] += 1
        while often[image] > 1 and f"{image}#{so_far[image]}" in often:  # a file may be called so
            so_far[image] += 1
        names.append(f"{image}#{so_far[image]}" if often[image] > 1 else image)
    return names


def box_cells(pictures: ImageTable, taken: Sequence[str] = ()) -> tuple[list[str], list[list[str]]]:
    """Give what a table says of boxes, to be written beside what was found out of them.

    Parameters
    ----------
    pictures : n of them
    taken : columns that are there

    Returns
    -------
    The names of columns, the picture's and the box's four, and n rows of them; none where no picture has a box.
    """
    if not any(region.box for region in pictures.regions.values()):
        return [], [[] for _ in pictures.images]
    header = [f"{name}_" if name in taken else name for name in ("picture", *BOXES[0])]
    rows = []
    for row, image in enumerate(pictures.images):
        region = pictures.regions.get(row)
        box = None if region is None else region.box
        numbers = () if box is None else (box.x, box.y, box.width, box.height)
        texts = [str(int(number)) if number.is_integer() else repr(number) for number in numbers] or [""] * 4
        rows.append([region.picture if region else image, *texts])
    return header, rows


def box_columns(header: Sequence[str], columns: PictureColumns) -> Sequence[str]:
    """Give the columns that hold a box among those that are there; none if there is no box."""
    choices = BOXES if columns.box is None else (columns.box,)
    return next((names for names in choices if names and all(name in header for name in names)), ())


def _boxes(source: Path, cells: Mapping[str, Sequence[str]], columns: PictureColumns) -> dict[int, Box]:
    names = box_columns(list(cells), columns)
    if not names:
        return {}
    numbers: dict[int, list[float]] = {}
    for row, parts in enumerate(zip(*(cells[name] for name in names), strict=True)):
        if all(not part.strip() for part in parts):
            continue
        texts = re.split(r"[\s,;]+", parts[0].strip(" \t[]()")) if len(names) == 1 else list(parts)
        where = f"{source}: row {row + 1}: the box '{', '.join(text.strip() for text in texts)}'"
        if len(texts) != 4:
            raise RecordsError(f"{where} has {len(texts)} numbers: x, y, width and height are four")
        try:
            numbers[row] = [float(text) for text in texts]
        except ValueError:
            raise RecordsError(f"{where} is not four numbers, x, y, width and height") from None
    shares = all(-1 <= number <= 1 + SLACK for box in numbers.values() for number in box)
    return {row: _box(source, row, box, shares=shares) for row, box in numbers.items()}


def _box(source: Path, row: int, numbers: Sequence[float], *, shares: bool) -> Box:
    where = f"{source}: row {row + 1}: the box {', '.join(f'{number:g}' for number in numbers)}"
    try:
        box = Box.of(numbers, shares=shares)
    except ValueError as error:
        raise RecordsError(f"{where} {error}: x, y, width and height are wanted, or nothing at all") from None
    if not shares and max(box.width, box.height) <= 1:
        raise RecordsError(
            f"{where} is in shares from 0 to 1, where other rows are in pixels: put all in one unit"
            if max(box.x, box.y) <= 1
            else f"{where} is smaller than a pixel, where boxes above 1 are in pixels"
        )
    return box


def _masks(source: Path, cells: Mapping[str, Sequence[str]], columns: PictureColumns, roots: Roots) -> dict[int, Path]:
    texts = cells.get(columns.mask, ()) if columns.mask else ()
    rows = [row for row, text in enumerate(texts) if text.strip()]
    if not rows:
        return {}
    paths = locate(source, [texts[row].strip() for row in rows], roots)
    for row, path in zip(rows, paths, strict=True):
        if not path.exists():
            raise RecordsError(
                f"{source}: row {row + 1}: no such mask: {path}; name the column of masks with --mask-column, or say "
                "--mask-column none"
            )
    return dict(zip(rows, paths, strict=True))

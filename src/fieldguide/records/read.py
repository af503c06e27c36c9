"""Galleries and queries as users keep them: a table, a folder, a single picture."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.records.annotations import is_annotations, read_annotations
from fieldguide.records.columns import PictureColumns, with_regions
from fieldguide.records.folders import pictures_under
from fieldguide.records.image_table import ImageTable
from fieldguide.records.listed import LABEL
from fieldguide.records.overview import log_overview, warn_of_folder, warn_of_labels, warn_of_overlap
from fieldguide.records.places import Roots, locate
from fieldguide.records.regions import Region
from fieldguide.records.tables import is_table, read_cells
from fieldguide.records.text import normal_form, normal_forms

UNKNOWN = "-1"  # the unknown label by default, as in the report


def read_gallery(
    source: str | os.PathLike[str],
    *,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = UNKNOWN,
    image_root: Roots = None,
    columns: PictureColumns | None = None,
) -> ImageTable:
    """Read the labelled pictures.

    Parameters
    ----------
    source : a CSV or Parquet file with a column of pictures and one of labels, a folder with one subfolder a class, or
        a .json in COCO's form or of a Camtrap DP. Relative paths in a table are relative to the table.
    image_column, label_column : the table's names for them
    unknown : the label that stands for none of the classes; pictures with it are labelled distractors
    image_root : one or more folders that relative paths in a table may be relative to instead
    columns : the table's names for boxes, masks and encounters, if they are not the usual ones

    Returns
    -------
    The pictures with their labels, in the table's order, or sorted by class and name; its `distractors` apart.

    Raises
    ------
    RecordsError : there is no such file, no picture of a class in it, a column is missing, or a picture is there
        twice or under two labels.
    """
    pictures = read_labelled(
        source, image_column=image_column, label_column=label_column, image_root=image_root, columns=columns
    )
    return without_distractors(source, pictures, unknown)


def read_labelled(
    source: str | os.PathLike[str],
    *,
    image_column: str = "image",
    label_column: str = "label",
    image_root: Roots = None,
    columns: PictureColumns | None = None,
) -> ImageTable:
    """Read the labelled pictures as `read_gallery` does, with no unknown label: every label is that of a class."""
    path = Path(source)
    if path.is_dir():
        pictures = _gallery_folder(path)
    elif is_table(path):
        pictures = _read_table(path, image_column, label_column, image_root, columns)
    elif is_annotations(path):
        pictures = read_annotations(path, label_column, columns, image_root, labelled=True)
    elif path.exists():
        raise RecordsError(
            f"{path}: a gallery is a folder with a subfolder a class, a .csv, a .parquet, or a .json in COCO's form or "
            "of a Camtrap DP"
        )
    else:
        raise RecordsError(f"no such file or folder: {path}")
    if not pictures:
        raise RecordsError(
            f"{path} holds no pictures: a gallery needs at least one picture a class{_what_else(pictures)}"
        )
    refuse_repeats(path, pictures)
    warn_of_labels(path, pictures)
    return pictures


def without_distractors(source: str | os.PathLike[str], pictures: ImageTable, unknown: str) -> ImageTable:
    """Set apart the pictures of a gallery that have the unknown label: they are known to be of none of its classes.

    Raises
    ------
    RecordsError : there are no others.
    """
    labels, unknown = pictures.labels or (), normal_form(unknown)
    if unknown not in labels:
        return pictures
    known = [row for row, label in enumerate(labels) if label != unknown]
    if not known:
        raise RecordsError(
            f"{source}: all {len(labels):,} pictures have the unknown label '{unknown}': a gallery needs at least one "
            "picture a class"
        )
    distractors = pictures.take([row for row, label in enumerate(labels) if label == unknown])
    return replace(pictures.take(known), distractors=distractors, passed_over=pictures.passed_over)


def read_queries(
    source: str | os.PathLike[str],
    *,
    image_column: str = "image",
    label_column: str = LABEL,
    image_root: Roots = None,
    columns: PictureColumns | None = None,
) -> ImageTable:
    """Read the pictures to identify.

    Parameters
    ----------
    source : a CSV or Parquet file with a column of pictures, a folder (searched with all that is below it),
        a .json in COCO's form or of a Camtrap DP, or a single picture
    image_column : the table's name for the column
    label_column : of a .json, what holds the labels: what has one is no query, but where these are COCO's categories
    image_root : one or more folders that relative paths in a table may be relative to, instead of to the table
    columns : the table's names for boxes, masks and encounters, if they are not the usual ones

    Returns
    -------
    The pictures, without labels; a folder's pictures are named relative to it.

    Raises
    ------
    RecordsError : there is no such file, no picture in it, no such column, or a picture is listed twice.
    """
    path = Path(source)
    if path.is_dir():
        found = pictures_under(path)
        images = found.pictures
        pictures = ImageTable(images, [path / image for image in images], passed_over=found.passed_over)
    elif is_table(path):
        pictures = _read_table(path, image_column, None, image_root, columns)
    elif is_annotations(path):
        pictures = read_annotations(path, label_column, columns, image_root, labelled=False)
    elif path.exists():
        pictures = ImageTable([str(source)], [path])
    else:
        raise RecordsError(f"no such file or folder: {path}")
    if not pictures:
        raise RecordsError(f"{path} holds no pictures to identify{_what_else(pictures)}")
    refuse_repeats(path, pictures)
    return pictures


def read_both(
    gallery: str | os.PathLike[str],
    queries: str | os.PathLike[str],
    *,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = UNKNOWN,
    image_root: Roots = None,
    columns: PictureColumns | None = None,
) -> tuple[ImageTable, ImageTable]:
    """Read gallery and queries, say what they hold, and warn of pictures that are in both.

    Raises
    ------
    RecordsError : as `read_gallery` and `read_queries` do.
    """
    gallery_table = read_gallery(
        gallery,
        image_column=image_column,
        label_column=label_column,
        unknown=unknown,
        image_root=image_root,
        columns=columns,
    )
    query_table = read_queries(
        queries, image_column=image_column, label_column=label_column, image_root=image_root, columns=columns
    )
    log_overview(gallery_table, query_table)
    warn_of_overlap(Path(gallery), Path(queries), gallery_table, query_table)
    return gallery_table, query_table


def _read_table(
    path: Path, image_column: str, label_column: str | None, roots: Roots, columns: PictureColumns | None
) -> ImageTable:
    columns = columns or PictureColumns()
    names = [image_column, *([label_column] if label_column is not None else [])]
    extra = [name for name in columns.wanted if name not in names]
    (images, *labels), cells = read_cells(path, names, extra)
    if missing := [name for name in columns.required if name not in cells]:
        raise RecordsError(f"{path} has no column '{missing[0]}', which an option names")
    pictures = ImageTable(images, locate(path, images, roots), normal_forms(labels[0]) if labels else None)
    return with_regions(path, pictures, cells, columns, roots)


def _gallery_folder(folder: Path) -> ImageTable:
    found = pictures_under(folder)
    images = found.pictures
    loose = [image for image in images if "/" not in image]
    if loose:
        raise RecordsError(
            f"{folder}: {loose[0]} is in no class; a gallery folder has one subfolder a class, with its pictures in it"
        )
    classes = [image.split("/")[0] for image in images]
    if images:
        warn_of_folder(folder, found, classes)
    labels = [form or label for form, label in zip(normal_forms(classes), classes, strict=True)]
    return ImageTable(images, [folder / image for image in images], labels, passed_over=found.passed_over)


def _what_else(pictures: ImageTable) -> str:
    """Name a file that lies there instead of pictures, for an error."""
    if not pictures.passed_over:
        return ""
    name, reason = next(iter(pictures.passed_over.items()))
    return f". There is {name} ({reason})"


def refuse_repeats(source: str | os.PathLike[str], pictures: ImageTable) -> None:
    """Refuse pictures of which one is listed twice.

    Raises
    ------
    RecordsError : it names the picture, and its labels if they differ.
    """
    labels: Sequence[str] = pictures.labels or [""] * len(pictures)
    seen: dict[tuple[str, Region | None], str] = {}
    for row, (image, path, label) in enumerate(zip(pictures.images, pictures.paths, labels, strict=True)):
        place = os.path.normpath(path), pictures.regions.get(row)
        if place not in seen:
            seen[place] = label
        elif seen[place] != label:
            raise RecordsError(f"{source}: {image} is under two labels, '{seen[place]}' and '{label}'")
        else:
            raise RecordsError(f"{source}: {image} is listed twice")

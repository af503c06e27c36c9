"""Galleries and queries as users keep them: a table, a folder, a single picture."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fieldguide.catalog.catalog import Catalog
from fieldguide.catalog.folders import pictures_under
from fieldguide.catalog.tables import is_table, read_columns
from fieldguide.errors import CatalogError

UNKNOWN = "-1"  # the unknown label unless told otherwise, as in the report


def read_gallery(
    source: str | os.PathLike[str],
    *,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = UNKNOWN,
) -> Catalog:
    """Read the labelled pictures.

    Parameters
    ----------
    source : a CSV or Parquet file with a column of pictures and one of labels, or a folder with one subfolder
        a class. Relative paths in a table are relative to the table.
    image_column, label_column : the table's names for them
    unknown : the label that stands for none of the classes, so that no class may have it

    Returns
    -------
    A catalog with labels, in the table's order, or sorted by class and name.

    Raises
    ------
    CatalogError : there is no such file, no picture in it, a column is missing, a class is called `unknown`,
        or a picture is there twice or under two labels.
    """
    path = Path(source)
    if path.is_dir():
        catalog = _gallery_folder(path)
    elif is_table(path):
        images, labels = read_columns(path, [image_column, label_column])
        catalog = Catalog(images, _beside(path, images), labels)
    elif path.exists():
        raise CatalogError(f"{path}: a gallery is a folder with a subfolder a class, a .csv or a .parquet")
    else:
        raise CatalogError(f"no such file or folder: {path}")
    if not catalog:
        raise CatalogError(f"{path} holds no pictures: a gallery needs at least one picture a class")
    check_gallery(path, catalog, unknown)
    return catalog


def check_gallery(source: Path, catalog: Catalog, unknown: str) -> None:
    """Refuse a gallery in which a class is called `unknown`, or a picture is there twice.

    Raises
    ------
    CatalogError : as said.
    """
    if unknown in (catalog.labels or ()):
        raise CatalogError(f"{source}: the label '{unknown}' is also the unknown label; choose another with --unknown")
    _refuse_repeats(source, catalog)


def read_queries(source: str | os.PathLike[str], *, image_column: str = "image") -> Catalog:
    """Read the pictures to identify.

    Parameters
    ----------
    source : a CSV or Parquet file with a column of pictures, a folder (searched with all that is below it),
        or a single picture
    image_column : the table's name for the column

    Returns
    -------
    A catalog without labels; a folder's pictures are named relative to it.

    Raises
    ------
    CatalogError : there is no such file, no picture in it, no such column, or a picture is listed twice.
    """
    path = Path(source)
    if path.is_dir():
        images = pictures_under(path)
        catalog = Catalog(images, [path / image for image in images])
    elif is_table(path):
        (images,) = read_columns(path, [image_column])
        catalog = Catalog(images, _beside(path, images))
    elif path.exists():
        catalog = Catalog([str(source)], [path])
    else:
        raise CatalogError(f"no such file or folder: {path}")
    if not catalog:
        raise CatalogError(f"{path} holds no pictures to identify")
    _refuse_repeats(path, catalog)
    return catalog


def _beside(table: Path, images: Iterable[str]) -> list[Path]:
    return [table.parent / image for image in images]


def _gallery_folder(folder: Path) -> Catalog:
    images = pictures_under(folder)
    loose = [image for image in images if "/" not in image]
    if loose:
        raise CatalogError(
            f"{folder}: {loose[0]} is in no class; a gallery folder has one subfolder a class, with its pictures in it"
        )
    return Catalog(images, [folder / image for image in images], [image.split("/")[0] for image in images])


def _refuse_repeats(source: Path, catalog: Catalog) -> None:
    labels: Sequence[str] = catalog.labels or [""] * len(catalog)
    seen: dict[str, str] = {}
    for image, path, label in zip(catalog.images, catalog.paths, labels, strict=True):
        place = os.path.normpath(path)
        if place not in seen:
            seen[place] = label
        elif seen[place] != label:
            raise CatalogError(f"{source}: {image} is under two labels, '{seen[place]}' and '{label}'")
        else:
            raise CatalogError(f"{source}: {image} is listed twice")

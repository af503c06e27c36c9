"""Galleries and queries as Python hands them over: a path, a data frame, or the pictures themselves."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.core.errors import RecordsError
from fieldguide.core.extras import is_data_frame
from fieldguide.records.columns import PictureColumns, with_regions
from fieldguide.records.image_table import PICTURES, ImageTable
from fieldguide.records.listed import LABEL
from fieldguide.records.overview import warn_of_labels
from fieldguide.records.places import Roots, locate
from fieldguide.records.read import read_labelled, read_queries, refuse_repeats
from fieldguide.records.text import normal_forms

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

GivenPictures: TypeAlias = (
    "str | os.PathLike[str] | ImageTable | pd.DataFrame | Sequence[str] | Sequence[os.PathLike[str]] | Sequence[bytes]"
    " | Sequence[Image.Image] | Sequence[Anything] | Anything"
)
Labels: TypeAlias = Sequence[str] | Sequence[int] | Anything

TAKEN = (
    "a path to a folder, a table or a file of embeddings, an ImageTable, an EmbeddingTable, a data frame, or a "
    f"sequence of {PICTURES}"
)


def labelled_pictures(
    given: GivenPictures,
    labels: Labels | None = None,
    *,
    image_column: str = "image",
    label_column: str = "label",
    image_root: Roots = None,
    columns: PictureColumns | None = None,
    what: str = "the gallery",
) -> ImageTable:
    """List labelled pictures, whatever they are given as.

    Parameters
    ----------
    given : a path as `read_gallery` takes it, an `ImageTable`, a data frame, or a sequence of pictures
    labels : (n,) the class of each picture of a sequence
    image_column, label_column : the table's or data frame's names for them
    image_root : one or more folders that relative paths of a table or data frame may be relative to instead
    columns : the table's or data frame's names for boxes, masks and encounters, if they are not the usual ones
    what : it is, as errors call it

    Raises
    ------
    TypeError : it is something else.
    ValueError : there is not one label for each picture.
    RecordsError : there are no pictures or no labels, or a picture is there twice or under two labels.
    """
    if isinstance(given, str | os.PathLike):
        _refuse_labels(labels, what, f"{given} has its own")
        return read_labelled(
            given, image_column=image_column, label_column=label_column, image_root=image_root, columns=columns
        )
    if is_data_frame(given):
        _refuse_labels(labels, what, f"a data frame has them in its column '{label_column}'")
        labels = _column(given, label_column, what)
    table = _listed(given, image_column, image_root, columns, what)
    own = table.labels if labels is None else as_text(labels, "label")
    if own is None:
        raise RecordsError(f"{what} has no labels, which it needs: give one for each picture with labels=")
    if len(own) != len(table):
        raise ValueError(f"there are {len(own):,} labels for {len(table):,} pictures of {what}: each has one")
    table = replace(table, labels=normal_forms(own))
    refuse_repeats(what, table)
    warn_of_labels(what, table)
    return table


def unlabelled_pictures(
    given: GivenPictures,
    *,
    image_column: str = "image",
    label_column: str = LABEL,
    image_root: Roots = None,
    columns: PictureColumns | None = None,
    what: str = "the queries",
) -> ImageTable:
    """List pictures without their labels, whatever they are given as: like `labelled_pictures`."""
    if isinstance(given, str | os.PathLike):
        return read_queries(
            given, image_column=image_column, label_column=label_column, image_root=image_root, columns=columns
        )
    table = replace(_listed(given, image_column, image_root, columns, what), labels=None, distractors=None)
    refuse_repeats(what, table)
    return table


def as_text(values: Iterable[Any], what: str) -> list[str]:
    """Give labels or names as text: whole numbers are labels too, 7 is `7`.

    Raises
    ------
    TypeError : one is neither.
    ValueError : one is missing.
    """
    if isinstance(values, str | bytes | Mapping):
        raise TypeError(f"{what}s are a {type(values).__name__}: a sequence of text or whole numbers was expected")
    texts, missing = [], getattr(sys.modules.get("pandas"), "NA", None)
    for row, value in enumerate(values):
        is_float = isinstance(value, float | np.floating)
        if value is None or value is missing or value == "" or (is_float and np.isnan(value)):
            raise ValueError(f"picture {row} has no {what}")
        # pandas has whole numbers as floats where others are missing
        whole = int(value) if is_float and float(value).is_integer() else value
        if isinstance(whole, bool | np.bool_) or not isinstance(whole, str | int | np.integer):
            raise TypeError(f"the {what} of picture {row} is {value!r}: a {what} is text or a whole number")
        texts.append(str(whole))
    return texts


def _listed(given: Any, image_column: str, image_root: Roots, columns: PictureColumns | None, what: str) -> ImageTable:
    """List pictures that are given by other things than a path.

    Raises
    ------
    TypeError, RecordsError : it is something else, or there are none.
    """
    if isinstance(given, ImageTable):
        table = given
    else:
        images = list(_column(given, image_column, what) if is_data_frame(given) else _sequence(given, what))
        if images and all(isinstance(image, str | os.PathLike) for image in images):
            names = [os.fspath(image) for image in images]
            table = ImageTable(names, locate(Path(what), names, image_root))  # relative to where the program runs
        else:
            table = ImageTable.from_images(images)
        if is_data_frame(given):
            table = _with_regions(given, table, image_root, columns or PictureColumns(), what)
    if not len(table):
        raise RecordsError(f"{what}: there are no pictures")
    return table


def _with_regions(frame: Any, table: ImageTable, image_root: Roots, columns: PictureColumns, what: str) -> ImageTable:
    """Add what the columns of a data frame say of its pictures."""
    for name in columns.required:
        _column(frame, name, what)
    cells = {name: [_cell(value) for value in frame[name]] for name in columns.wanted if name in frame.columns}
    return with_regions(Path(what), table, cells, columns, image_root)


def _cell(value: Any) -> str:
    """Give a cell of a data frame as a table has it: nothing for what is missing, a list with spaces."""
    if isinstance(value, list | tuple | np.ndarray):
        return " ".join(str(number) for number in value)
    missing = value is None or value is getattr(sys.modules.get("pandas"), "NA", None) or value != value  # noqa: PLR0124
    return "" if missing else str(value)


def _sequence(given: Any, what: str) -> Iterable[Any]:
    if isinstance(given, np.ndarray) and given.dtype != object and given.dtype.kind != "U":
        if given.ndim == 4:
            return given
        hint = "EmbeddingTable.from_arrays takes embeddings" if given.dtype.kind == "f" else "put one picture in a list"
        raise TypeError(f"{what}: not an array of {given.dtype} of shape {given.shape}, but {TAKEN}; {hint}")
    if isinstance(given, bytes | bytearray | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"{what}: not {type(given).__name__}, but {TAKEN}")
    return given


def _column(frame: Any, name: str, what: str) -> Any:
    if name not in frame.columns:
        raise RecordsError(
            f"{what}: the data frame has no column '{name}'; it has {', '.join(map(str, frame.columns))}"
        )
    return frame[name].tolist()


def _refuse_labels(labels: object, what: str, own: str) -> None:
    if labels is not None:
        raise ValueError(f"labels= are for {what} as a sequence of pictures: {own}")

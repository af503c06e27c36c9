"""Documents of annotations as galleries and queries: COCO's JSON and Camtrap DP's datapackage.json."""

import json
from pathlib import Path
from typing import Any

from fieldguide.core.errors import RecordsError
from fieldguide.records.camtrap import camtrap_entries
from fieldguide.records.coco import PARTS, coco_entries
from fieldguide.records.columns import PictureColumns
from fieldguide.records.image_table import ImageTable
from fieldguide.records.listed import Entry, merged, table_of
from fieldguide.records.places import Roots


def is_annotations(path: Path) -> bool:
    """Whether the name says that this is a document of annotations."""
    return path.suffix.lower() == ".json" and path.is_file()


def read_annotations(
    path: Path, label: str, columns: PictureColumns | None, roots: Roots, *, labelled: bool
) -> ImageTable:
    """Read the pictures of a gallery, or the queries, of COCO JSON or Camtrap DP.

    Parameters
    ----------
    path : a file for which `is_annotations` holds
    label : the label column, as `coco_entries` and `camtrap_entries` take it
    columns : says by how much boxes are larger, and what holds encounters
    roots : where the pictures may be, instead of beside the file
    labelled : whether it is a gallery

    Raises
    ------
    RecordsError : it is neither, or something in it is wrong.
    """
    columns = columns or PictureColumns()
    listed = entries_in(path, read_document(path), label, labelled=labelled, encounter=columns.encounter)
    return table_of(path, list(merged(listed)), columns.margin, roots, labelled=labelled)


def entries_in(path: Path, document: dict[str, Any], label: str, *, labelled: bool, encounter: str = "") -> list[Entry]:
    """List what a document has of a gallery, or of queries, each with its place: as `read_annotations`."""
    entries = camtrap_entries if "resources" in document else coco_entries
    return entries(path, document, label, labelled=labelled, encounter=encounter)


def read_document(path: Path) -> dict[str, Any]:
    """Read a document as it stands.

    Raises
    ------
    RecordsError : it is neither COCO nor the description of a Camtrap DP.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordsError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RecordsError(f"{path} is not JSON: {error}") from error
    wanted = PARTS if isinstance(document, dict) and "resources" not in document else ("resources",)
    if isinstance(document, dict) and all(isinstance(document.get(part), list) for part in wanted):
        return document
    raise RecordsError(
        f"{path} is neither COCO, which has lists of images, annotations and categories, nor the datapackage.json of a "
        "Camtrap DP, which has resources"
    )

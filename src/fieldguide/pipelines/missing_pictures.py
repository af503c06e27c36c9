"""Pictures that a report cannot show: gone from where they were, or not to be read."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.embedding import EmbeddingTable
from fieldguide.records import ImageTable
from fieldguide.records.tables import read_columns

log = logging.getLogger("fieldguide")


def with_missing(pictures: ImageTable, source: Path, details: Path, column: str) -> ImageTable:
    """Add to a folder's pictures those that details name and that are gone from it, as a table would still name them.

    Where most of them are not in it, these are details of other pictures, and nothing is added.

    Parameters
    ----------
    pictures : those that are in the folder now
    source : the folder, or a table, to which nothing is added
    details : the Parquet file of the run
    column : of the details, which names such pictures: `image` for queries, `nearest` for the gallery

    Raises
    ------
    RecordsError : the details cannot be read.
    """
    if not source.is_dir():
        return pictures
    read_columns(details, ["image", "label"])  # complains as for any other table
    import pyarrow.parquet as pq

    if column not in pq.read_schema(details).names:
        return pictures
    named = {name for name in pq.read_table(details, columns=[column]).column(0).to_pylist() if name}
    there = {
        name.encode(errors="surrogateescape").decode(errors="replace") for name in pictures.images
    }  # as in Parquet
    gone = sorted(map(str, named - there))
    if not gone or 2 * len(gone) > len(named):
        return pictures
    labels = None if pictures.labels is None else [*pictures.labels, *(name.split("/")[0] for name in gone)]
    return ImageTable([*pictures.images, *gone], [*pictures.paths, *(source / name for name in gone)], labels)


def refuse_if_all_are_missing(pictures: ImageTable, source: Path) -> None:
    """Refuse pictures none of which is where it was, before anything is embedded.

    Raises
    ------
    RecordsError : it names the first path that was looked for.
    """
    # os.path, as it says of a folder that must not be looked into that the picture is not there
    if not any(os.path.exists(path) for path in pictures.paths):  # noqa: PTH110
        raise RecordsError(
            f"none of the {len(pictures):,} pictures of {source} is there: {_absolute(pictures.paths[0])} was looked "
            "for first; mount the drive that they are on, or name the folder or table of where they are now"
        )


def refuse_if_none_was_read(pictures: ImageTable, embeddings: EmbeddingTable, source: Path) -> None:
    """Refuse pictures none of which can be read.

    Raises
    ------
    RecordsError : it names the first and the reason.
    """
    if not embeddings.rows:
        raise RecordsError(
            f"none of the {len(pictures):,} pictures of {source} can be read: {_absolute(pictures.paths[0])} "
            f"({embeddings.unreadable[0]})"
        )


def warn_of_missing(pictures: ImageTable, missing: Sequence[int], source: Path) -> None:
    """Say which pictures the report is without; nothing if there are none."""
    if missing:
        log.warning(
            "%s of the %s pictures of %s cannot be read or are not there, %s the first: the report goes on without",
            f"{len(missing):,}",
            f"{len(pictures):,}",
            source,
            _absolute(pictures.paths[missing[0]]),
        )


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100  a link in it may be what is wrong: it is not resolved

"""The list of pictures that could not be read, beside what was made of the others."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldguide.answers import write_table
from fieldguide.embedding import EmbeddedPictures
from fieldguide.outputs import LIST_HEADER, is_list, list_path

log = logging.getLogger("fieldguide")


@dataclass(frozen=True)
class Unreadable:
    """A picture that could not be read, as the user named it, and why."""

    image: str
    part: str
    reason: str


def unreadable_in(embedded: EmbeddedPictures, part: str) -> list[Unreadable]:
    """Those of a catalog; `part` says of what it was read."""
    images = embedded.catalog.images
    return [Unreadable(images[row], part, reason) for row, reason in embedded.embeddings.unreadable.items()]


def write_unreadable(unreadable: Sequence[Unreadable], output: Path, image_column: str) -> None:
    """Write the list and say so; with nothing to list, delete that of an earlier run.

    Where the output is no file, as standard output is none, there is no place for a list, and they are only counted.

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    path = list_path(output)
    if not unreadable:
        if path is not None and is_list(path):  # a file of the user's may have that name
            path.unlink(missing_ok=True)
        return
    if path is not None:
        rows = [(one.image, one.part, one.reason) for one in unreadable]
        write_table(path, (image_column, *LIST_HEADER), rows)
    log.warning(
        "%d pictures could not be read and are %s: %s (%s)%s",
        len(unreadable),
        f"listed in {path}" if path is not None else "not listed, as the output is no file",
        unreadable[0].image,
        unreadable[0].reason,
        ", …" if len(unreadable) > 1 else "",
    )

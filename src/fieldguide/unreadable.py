"""The list of pictures that could not be read, beside what was made of the others."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldguide.answers import write_table
from fieldguide.embedding import EmbeddedPictures

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


def list_path(output: Path) -> Path:
    """Where the list lies that goes with an output: `answers.unreadable.csv` with `answers.csv`."""
    return output.with_suffix(".unreadable.csv")


def write_unreadable(unreadable: Sequence[Unreadable], output: Path, image_column: str) -> None:
    """Write the list and say so; with nothing to list, delete that of an earlier run.

    Raises
    ------
    FieldguideError : the file cannot be written.
    """
    path = list_path(output)
    if not unreadable:
        path.unlink(missing_ok=True)
        return
    write_table(path, (image_column, "part", "reason"), [(one.image, one.part, one.reason) for one in unreadable])
    log.warning(
        "%d pictures could not be read and are listed in %s: %s (%s)%s",
        len(unreadable),
        path,
        unreadable[0].image,
        unreadable[0].reason,
        ", …" if len(unreadable) > 1 else "",
    )

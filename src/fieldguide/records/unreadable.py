"""The list of pictures that could not be read, beside what was made of the others."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.core.outputs import LIST_HEADER, is_list, list_path
from fieldguide.records.answers import write_table
from fieldguide.records.image_table import ImageTable
from fieldguide.records.kinds import NO_READER, explain_ending

log = logging.getLogger("fieldguide")

UNKNOWN_FORMAT = "not a picture in a known format"  # the reason that `images.decoding` gives


@dataclass(frozen=True)
class UnreadablePicture:
    """A picture that could not be read, as the user named it, and why."""

    image: str
    part: str
    reason: str


class UnreadablePictures(RecordsError):
    """Raised where pictures could not be read without which a run cannot go on.

    Attributes
    ----------
    unreadable : all that could not be read so far
    """

    def __init__(self, message: str, unreadable: Sequence[UnreadablePicture]) -> None:
        super().__init__(message)
        self.unreadable = unreadable


def unreadable_in(pictures: ImageTable, reasons: Mapping[int, str], part: str) -> list[UnreadablePicture]:
    """List the pictures that could not be read, and what was passed over beside them by its name.

    Parameters
    ----------
    pictures : all of them
    reasons : by row of `pictures`
    part : of what they are a part, gallery or queries
    """
    images = pictures.images
    return [
        UnreadablePicture(images[row], part, _with_explanation(images[row], reason)) for row, reason in reasons.items()
    ] + [UnreadablePicture(name, part, reason) for name, reason in pictures.passed_over.items()]


def refuse_unreadable(unreadable: Sequence[UnreadablePicture]) -> None:
    """Stop where everything is to be read and something was not.

    Raises
    ------
    UnreadablePictures : it names the first.
    """
    if unreadable:
        first, count = unreadable[0], len(unreadable)
        pictures = "1 picture" if count == 1 else f"{count:,} pictures"
        raise UnreadablePictures(
            f"--strict: {pictures} could not be read: {first.image} ({first.reason}){', …' if count > 1 else ''}",
            unreadable,
        )


def _with_explanation(image: str, reason: str) -> str:
    explanation = explain_ending(image)
    if explanation == NO_READER and reason != UNKNOWN_FORMAT:
        return reason  # there is one, and the file is broken
    return f"{reason}; {explanation}" if explanation else reason


@contextmanager
def list_unreadable(output: Path, image_column: str) -> Iterator[None]:
    """Within the block, where pictures that cannot be read stop a run, write their list and name it in the error."""
    try:
        yield
    except UnreadablePictures as error:
        path = list_path(output)
        if path is None:
            raise
        _write(error.unreadable, path, image_column)
        raise RecordsError(f"{error}; listed in {path}") from error


def write_unreadable(unreadable: Sequence[UnreadablePicture], output: Path, image_column: str) -> None:
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
    _write(unreadable, path, image_column)
    log.warning(
        "%d pictures could not be read and are %s: %s (%s)%s",
        len(unreadable),
        f"listed in {path}" if path is not None else "not listed, as the output is no file",
        unreadable[0].image,
        unreadable[0].reason,
        ", …" if len(unreadable) > 1 else "",
    )


def _write(unreadable: Sequence[UnreadablePicture], path: Path | None, image_column: str) -> None:
    if path is not None:
        write_table(path, (image_column, *LIST_HEADER), [(one.image, one.part, one.reason) for one in unreadable])

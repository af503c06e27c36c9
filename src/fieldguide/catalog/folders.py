"""The pictures in a folder, in an order that does not depend on the file system."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from fieldguide.errors import CatalogError

log = logging.getLogger("fieldguide")


# Telephones' and cameras': of pi-heif, which is not loaded for its names, and JPEGs of several pictures
OTHERS = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif", ".mpo"})


@cache
def picture_suffixes() -> frozenset[str]:
    """The file name endings, with their dot, that a picture can be opened from."""
    from PIL import Image

    readable = Image.registered_extensions()  # loads Pillow's plugins
    # PDF and PostScript can be written by Pillow, or call other programs; neither is a photograph
    return frozenset(end for end, kind in readable.items() if kind in Image.OPEN) - {".pdf", ".ps", ".eps"} | OTHERS


def pictures_under(folder: Path) -> list[str]:
    """Every picture below `folder`, sorted, as paths relative to it.

    A picture is what has a picture's file name; whether it opens is found out later, and reported. Files with
    other names are counted in one log line, folders that cannot be listed in another. Hidden files and folders are
    passed over, links to folders are not followed (they can lead round in circles).

    Raises
    ------
    CatalogError : the folder cannot be listed.
    """
    found: list[str] = []
    other: Counter[str] = Counter()
    closed: list[OSError] = []
    for name in _files_under(folder, closed.append):
        suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122  a Path for each of a million names is slow
        if suffix in picture_suffixes():
            found.append(name)
        else:
            other[suffix or "no ending"] += 1
    if other:
        kinds = ", ".join(kind for kind, _ in other.most_common(5))
        log.warning("%s: passed over %d files that are not pictures by name (%s)", folder, other.total(), kinds)
    if closed:
        first, others = closed[0], len(closed) - 1
        if Path(first.filename) == folder:
            raise CatalogError(f"{folder} cannot be listed: {first.strerror}") from first
        more = f", nor {others} other folders" if others else ""
        log.warning("%s cannot be listed and is passed over: %s%s", first.filename, first.strerror, more)
    return sorted(found)


def _files_under(folder: Path, closed: Callable[[OSError], object]) -> Iterator[str]:
    for place, folders, files in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = os.path.relpath(place, folder)
        for name in files:
            if not name.startswith("."):
                yield name if inside == "." else f"{inside}/{name}"

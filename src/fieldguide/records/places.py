"""Where the pictures that a table names lie."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePath, PurePosixPath

from fieldguide.core.errors import RecordsError
from fieldguide.records.text import normal_form

Roots = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None
ENOUGH = 100  # pictures that a root is known by


def locate(table: Path, images: Sequence[str], image_root: Roots = None) -> list[Path]:
    """Give the path of each picture of a table.

    Parameters
    ----------
    table : relative paths in it are relative to its folder
    images : as the table names them
    image_root : one or more other folders that they may be relative to; the first that has pictures of the table counts

    Returns
    -------
    (n,) paths. Where there is no such file and one whose name is written in another Unicode form, with other spaces
    at its ends, or with slashes for backslashes, it is that one.

    Raises
    ------
    RecordsError : an image root is not there.
    """
    finders = [_Finder(root) for root in _folders(image_root)]
    finders.append(_Finder(table.parent))
    first = next(
        (finder for finder in finders if any(os.path.lexists(finder(image)) for image in images[:ENOUGH])), finders[0]
    )
    return [first(image) for image in images]


def describe_search(path: Path, image: str) -> str:
    """Describe where a picture was looked for, and which image root would have found it, if one is near."""
    place, parts = f"looked for at {path.absolute()}", PurePath(image).parts
    if os.path.lexists(path) or path.parts[-len(parts) :] != parts or PurePath(image).is_absolute():
        return place
    root = path.parents[len(parts) - 1]
    for folder in [*_folders_in(root), root.parent, *_folders_in(root.parent), Path()]:
        if os.path.lexists(folder / image):
            return f"{place}; it is in {folder}: add --image-root '{folder}'"
    return f"{place}; if relative paths start elsewhere, say where with --image-root"


class _Finder:
    """Finds pictures below a root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.listings: dict[str, dict[str, str]] = {}

    def __call__(self, image: str) -> Path:
        path = self.root / image
        return path if os.path.lexists(path) else self._similar(image) or path

    def _similar(self, image: str) -> Path | None:
        place, name = str(self.root), image.strip()
        parts = PurePosixPath(name.replace("\\", "/")).parts  # tables from Windows have backslashes
        if parts[:1] == ("/",) and not name.startswith("/"):
            return None
        for part in parts:
            here = os.path.join(place, part)  # noqa: PTH118  a Path for each part of a million names is slow
            if not os.path.lexists(here):
                there = self._listing(place).get(normal_form(part))
                if there is None:
                    return None
                here = os.path.join(place, there)  # noqa: PTH118
            place = here
        return Path(place) if os.path.isfile(place) else None  # noqa: PTH113

    def _listing(self, place: str) -> dict[str, str]:
        if place not in self.listings:
            try:
                names = sorted(os.listdir(place))  # noqa: PTH208  as text
            except (OSError, ValueError):  # ValueError: a NUL in the name
                names = []
            self.listings[place] = {normal_form(name): name for name in names}
        return self.listings[place]


def _folders(image_root: Roots) -> list[Path]:
    roots = [image_root] if isinstance(image_root, (str, os.PathLike)) else image_root or []
    folders = [Path(root) for root in roots]
    for folder in folders:
        if not folder.is_dir():
            raise RecordsError(f"no such folder: {folder}, where --image-root says that pictures are")
    return folders


def _folders_in(place: Path) -> list[Path]:
    try:
        return sorted(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []

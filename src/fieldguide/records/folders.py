"""The pictures in a folder, in an order that does not depend on the file system."""

import logging
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from fieldguide.core.errors import RecordsError
from fieldguide.records.kinds import explain_ending, is_note, is_system_file, is_system_folder

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


@dataclass
class Listing:
    """What is below a folder.

    Attributes
    ----------
    pictures : sorted, as paths relative to the folder
    passed_over : other files that may be pictures, with the reason why they are not read
    folders : the names of those directly in it, linked ones too
    """

    pictures: list[str] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)


def pictures_under(folder: Path) -> Listing:
    """List every picture below `folder`.

    A picture is what has a picture's file name; whether it opens is found out later, and reported. Files with
    other names have a reason, but for notes, which are counted in one log line; folders that cannot be listed, and
    links that are not followed, are named in others. What is hidden or a system's own is passed over.

    Raises
    ------
    RecordsError : the folder cannot be listed.
    """
    found, walk, notes = Listing(), _Walk(folder), Counter[str]()
    for name in walk.files():
        file = os.path.basename(name)  # noqa: PTH119  a Path for each of a million names is slow
        suffix = os.path.splitext(file)[1].lower()  # noqa: PTH122
        if suffix in picture_suffixes():
            found.pictures.append(name)
        elif reason := _not_there(folder / name):
            found.passed_over[name] = reason
        elif is_note(file):
            notes[suffix or "no ending"] += 1
        else:
            found.passed_over[name] = explain_ending(file) or (
                f"not a picture by its ending {suffix}: if it is one, convert it to JPEG or PNG"
                if suffix
                else "its name has no ending: if it is a picture, give it one, such as .jpg"
            )
    found.pictures.sort()
    found.passed_over = dict(sorted(found.passed_over.items()))
    found.folders = sorted(walk.top)
    _log_passed_over(folder, walk, notes)
    return found


def _not_there(path: Path) -> str | None:
    """Say of a link that leads nowhere, such as one to a class on a disk that is not mounted, where it leads."""
    return f"a link to {path.readlink()}, which is not there" if path.is_symlink() and not path.exists() else None


def _log_passed_over(folder: Path, walk: "_Walk", notes: Counter[str]) -> None:
    if notes:
        kinds = ", ".join(kind for kind, _ in notes.most_common(5))
        log.warning("%s: passed over %d files that are not pictures by name (%s)", folder, notes.total(), kinds)
    if walk.closed:
        first, others = walk.closed[0], len(walk.closed) - 1
        if Path(first.filename) == folder:
            raise RecordsError(f"{folder} cannot be listed: {first.strerror}") from first
        more = f", nor {others} other folders" if others else ""
        log.warning("%s cannot be listed and is passed over: %s%s", first.filename, first.strerror, more)
    if walk.unfollowed:
        name, reason = next(iter(walk.unfollowed.items()))
        more = f", and {len(walk.unfollowed) - 1} other links" if len(walk.unfollowed) > 1 else ""
        log.warning("%s: the link %s is passed over: it leads to %s%s", folder, name, reason, more)


class _Walk:
    """Goes once through each folder below another; through linked ones last, by the name of the link.

    Attributes
    ----------
    top : the names of the folders directly in it
    closed : why folders could not be listed
    unfollowed : links to folders that were not followed, and where they lead
    """

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.top: list[str] = []
        self.closed: list[OSError] = []
        self.unfollowed: dict[str, str] = {}
        self.seen: set[tuple[int, int]] = set()
        self.links: list[str] = []

    def files(self) -> Iterator[str]:
        """Give the files that are not hidden, as paths relative to the folder."""
        yield from self._below("")
        while self.links:
            links, self.links = sorted(self.links), []
            for link in links:
                reason = self._why_not(os.path.join(self.root, link))  # noqa: PTH118
                if reason:
                    self.unfollowed[link] = reason
                else:
                    yield from self._below(link)

    def _below(self, start: str) -> Iterator[str]:
        for place, folders, files in os.walk(os.path.join(self.root, start), onerror=self.closed.append):  # noqa: PTH118
            inside = os.path.relpath(place, self.root)
            prefix = "" if inside == "." else f"{inside.replace(os.sep, '/')}/"
            if not self._is_new(place):
                folders.clear()
                continue
            mine = [name for name in folders if not is_system_folder(name)]
            if not prefix:
                self.top += mine
            linked = [name for name in mine if os.path.islink(os.path.join(place, name))]  # noqa: PTH114, PTH118
            self.links += [prefix + name for name in linked]
            folders[:] = [name for name in mine if name not in linked] if linked else mine
            for name in files:
                if not is_system_file(name):
                    yield prefix + name

    def _is_new(self, place: str) -> bool:
        try:
            about = os.stat(place)  # noqa: PTH116
        except OSError as error:
            self.closed.append(error)
            return False
        new = (about.st_dev, about.st_ino) not in self.seen
        self.seen.add((about.st_dev, about.st_ino))
        return new

    def _why_not(self, link: str) -> str | None:
        """Say why a link to a folder is not followed; None if it is."""
        target = os.path.realpath(link)
        for held in (os.path.realpath(os.path.dirname(link)), os.path.realpath(self.root)):  # noqa: PTH120
            if f"{held}{os.sep}".startswith(f"{target.rstrip(os.sep)}{os.sep}"):
                return f"{target}, which holds it: round in a circle"
        about = os.stat(link)  # noqa: PTH116
        return f"{target}, which is read already" if (about.st_dev, about.st_ino) in self.seen else None

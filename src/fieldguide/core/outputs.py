"""What may be written where: decided for every command, before any work."""

import csv
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fieldguide.core.errors import FieldguideError
from fieldguide.core.files import check_writable, descriptor, is_file

LIST_HEADER = ("part", "reason")  # of a list of unreadable pictures, after the image column


@dataclass(frozen=True)
class Kind:
    """A kind of output.

    Attributes
    ----------
    what : it is, in a sentence
    endings : of its files' names, the usual one first
    text : whether it can be read on a terminal
    bare : whether a name without an ending will do
    appended : whether it is added to, as only a file can be
    guarded : whether only an earlier one of our own is overwritten, as the user did not choose its name
    """

    what: str
    endings: tuple[str, ...]
    text: bool = False
    bare: bool = False
    appended: bool = False
    guarded: bool = False

    def check(self, path: Path) -> None:
        """Refuse a path that cannot be written to, or whose ending promises another format.

        Raises
        ------
        FieldguideError : as said.
        """
        check_writable(path)
        number = descriptor(path)
        if number is not None and not self.text and os.isatty(number):
            raise FieldguideError(f"{path} is a terminal, and {self.what} no text: name a file{self._endings()}")
        if self.appended and not is_file(path):
            raise FieldguideError(f"{path} is no file, and {self.what} must be one: name a file{self._endings()}")
        ending = path.suffix.lower()
        if ending in self.endings or (not ending and (self.bare or not is_file(path))):
            return
        raise FieldguideError(f"{path}: {self.what} cannot be written in that format: name a file{self._endings()}")

    def _endings(self) -> str:
        *others, last = self.endings
        return f" that ends in {', '.join(others)}{' or ' if others else ''}{last}"


ANSWERS = Kind("answers", (".csv", ".tsv", ".txt"), text=True, bare=True)
DETAILS = Kind("details", (".parquet", ".pq"))
EMBEDDINGS = Kind("embeddings", (".parquet", ".pq", ".npz"))
REPORT = Kind("a report", (".html", ".htm"), text=True)
FIGURE = Kind("a figure", (".svg", ".png"))
BOARD = Kind("a board", (".jsonl", ".ndjson", ".json"), text=True, bare=True, appended=True)
UNREADABLE = Kind("the list of unreadable pictures", (".csv",), text=True, guarded=True)


def check_outputs(outputs: Iterable[tuple[Path | None, Kind]], inputs: Iterable[Path | None]) -> None:
    """Refuse, before any work, what cannot be written, and what would destroy an input or another output.

    Parameters
    ----------
    outputs : all that a command writes, the lists of unreadable pictures too; None for what is not asked for
    inputs : all that it reads; None for what is not given

    Raises
    ------
    FieldguideError : the first that may not be written, and why.
    """
    wanted = [(path, kind) for path, kind in outputs if path is not None]
    check_overwrites([path for path, _ in wanted], inputs)
    for path, kind in wanted:
        kind.check(path)
        if kind.guarded and path.exists() and not is_list(path):
            raise FieldguideError(
                f"{path} is in the way: the list of unreadable pictures would go there, and it is none; "
                "move it, or name another output"
            )


def check_overwrites(outputs: Sequence[Path], inputs: Iterable[Path | None]) -> None:
    """Refuse outputs that are an input, by whatever path or link, or that are one file.

    Raises
    ------
    FieldguideError : names the output.
    """
    taken: dict[object, Path] = {}
    for path in outputs:
        if (same := taken.setdefault(_identity(path), path)) is not path and not _is_sink(path):
            raise FieldguideError(f"{path} cannot be written: it would overwrite another file of this run, {same}")
    here = {key: path for key, path in taken.items() if _is_there(path)}
    if not here:
        return  # nothing is there that could be overwritten
    for source in inputs:
        if source is not None and (victim := here.get(_identity(source))) is not None:
            raise FieldguideError(
                f"{victim} cannot be written: it would overwrite another file of this run, {source}, which it reads"
            )


def check_output_folder(folder: Path, inputs: Iterable[Path | None], what: str) -> None:
    """Refuse a folder of outputs that is a file, or that lies where a command reads pictures.

    Raises
    ------
    FieldguideError : as said; `what` is to go into the folder.
    """
    if folder.exists() and not folder.is_dir():
        raise FieldguideError(f"{folder} is a file: name a folder for {what}")
    above = {_identity(path) for path in (folder, *Path(os.path.realpath(folder)).parents)}
    for source in inputs:
        if source is not None and source.is_dir() and _identity(source) in above:
            raise FieldguideError(f"{folder}: {what} may not go into a folder that is read, {source}: name another")


def list_path(output: Path) -> Path | None:
    """Where the list of unreadable pictures lies that goes with an output: `answers.unreadable.csv` with `answers.csv`.

    None where the output is no file, so that there is no place beside it.
    """
    return output.with_suffix(".unreadable.csv") if output.name and is_file(output) else None


def is_list(path: Path) -> bool:
    """Whether a file is a list of unreadable pictures, which we may replace and delete."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            header = next(csv.reader(file), [])
    except (OSError, csv.Error):
        return False
    return len(header) > len(LIST_HEADER) and tuple(header[1 : 1 + len(LIST_HEADER)]) == LIST_HEADER


def _identity(path: Path) -> object:
    """What tells one file from others: device and inode, or if it is not there yet where it would be.

    Names that differ in case alone are taken for one, as on many disks they are.
    """
    number = descriptor(path)
    try:
        status = path.stat() if number is None else os.fstat(number)
    except (OSError, ValueError):
        return os.path.realpath(path).casefold()
    return status.st_dev, status.st_ino


def _mode(path: Path) -> int:
    number = descriptor(path)
    try:
        return (path.stat() if number is None else os.fstat(number)).st_mode
    except (OSError, ValueError):
        return 0


def _is_there(path: Path) -> bool:
    """Whether there is a file that writing would change; stdout may have been sent to one."""
    return stat.S_ISREG(_mode(path))


def _is_sink(path: Path) -> bool:
    """Whether any number of outputs may go there, as to `/dev/null`."""
    return descriptor(path) is None and stat.S_ISCHR(_mode(path))

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
class OutputKind:
    """A kind of file that commands write, and what a path for it must be like.

    Attributes
    ----------
    what : its name in an error, such as "a report"
    endings : of its files' names, the usual one first
    is_text : whether it can be read on a terminal
    needs_no_ending : whether a file's name without an ending will do
    is_appended : whether a command adds to it, which only a regular file allows
    is_guarded : whether it replaces only what fieldguide itself wrote earlier, as the user did not choose its name
    """

    what: str
    endings: tuple[str, ...]
    is_text: bool = False
    needs_no_ending: bool = False
    is_appended: bool = False
    is_guarded: bool = False

    def check(self, path: Path) -> None:
        """Refuse a path that cannot be written to, or whose ending promises another format.

        Raises
        ------
        FieldguideError : it is such a path; the text says which ending would do.
        """
        check_writable(path)
        number = descriptor(path)
        if number is not None and not self.is_text and os.isatty(number):
            raise FieldguideError(f"{path} is a terminal, and {self.what} no text: name a file{self._endings()}")
        if self.is_appended and not is_file(path):
            raise FieldguideError(f"{path} is no file, and {self.what} must be one: name a file{self._endings()}")
        ending = path.suffix.lower()
        if ending in self.endings or (not ending and (self.needs_no_ending or not is_file(path))):
            return
        raise FieldguideError(f"{path}: {self.what} cannot be written in that format: name a file{self._endings()}")

    def _endings(self) -> str:
        *others, last = self.endings
        return f" that ends in {', '.join(others)}{' or ' if others else ''}{last}"


ANSWERS = OutputKind("answers", (".csv", ".tsv", ".txt"), is_text=True, needs_no_ending=True)
DETAILS = OutputKind("details", (".parquet", ".pq"))
EMBEDDINGS = OutputKind("embeddings", (".parquet", ".pq", ".npz"))
REPORT = OutputKind("a report", (".html", ".htm"), is_text=True)
FIGURE = OutputKind("a figure", (".svg", ".png"))
PAIR = OutputKind("a drawing", (".png", ".jpg", ".jpeg"))
BOARD = OutputKind("a board", (".jsonl", ".ndjson", ".json"), is_text=True, needs_no_ending=True, is_appended=True)
WRITTEN_BACK = OutputKind("annotations", (".json",), is_text=True)
OBSERVATIONS = OutputKind("observations", (".csv",), is_text=True)
UNREADABLE = OutputKind("the list of unreadable pictures", (".csv",), is_text=True, is_guarded=True)


def check_outputs(outputs: Iterable[tuple[Path | None, OutputKind]], inputs: Iterable[Path | None]) -> None:
    """Refuse, before any work, what cannot be written, and what would destroy an input or another output.

    Parameters
    ----------
    outputs : all that a command writes, the lists of unreadable pictures too; None for what is not to be written
    inputs : all that it reads; None for what is not given

    Raises
    ------
    FieldguideError : the first that may not be written, and why.
    """
    requested = [(path, kind) for path, kind in outputs if path is not None]
    check_overwrites([path for path, _ in requested], inputs)
    for path, kind in requested:
        kind.check(path)
        if kind.is_guarded and path.exists() and not is_list(path):
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
    FieldguideError : it is one of these; its text says by `what` which outputs were to go there.
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

"""Files that appear whole or not at all; and what is no file but is written to: devices, pipes, standard output."""

import errno
import io
import logging
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import TextIO

from fieldguide.core.errors import FieldguideError

log = logging.getLogger("fieldguide")

STANDARD_OUTPUT = 1
SECONDS_FOR_A_READER = 60.0  # that a named pipe waits for whoever is to read it
DESCRIPTOR = re.compile(r"(?:/dev|/proc/self)/fd/(\d+)")
NAMED = {"/dev/stdout": STANDARD_OUTPUT, "/dev/stderr": 2}
MOST_LINKS = 40  # as many as Linux follows


def descriptor(path: Path) -> int | None:
    """Which open file of this process a path means: 1 for `-` and `/dev/stdout`, N for `/dev/fd/N`; None for others."""
    place = str(path)
    if place == "-":
        return STANDARD_OUTPUT
    for _ in range(MOST_LINKS):
        if place in NAMED:
            return NAMED[place]
        if match := DESCRIPTOR.fullmatch(place):
            return int(match[1])
        try:
            target = os.readlink(place)  # noqa: PTH115  text
        except (OSError, ValueError):
            return None
        place = os.path.normpath(os.path.join(os.path.dirname(place), target))  # noqa: PTH118, PTH120  text
    return None


def is_file(path: Path) -> bool:
    """Whether a path is, or would become, a regular file: no device, no pipe, not standard output."""
    status = _status(path)
    return descriptor(path) is None and (status is None or stat.S_ISREG(status.st_mode))


def where_to_report(outputs: Iterable[Path | None]) -> TextIO:
    """Give the stream for what a command says: stdout, or stderr when an output goes to stdout."""
    taken = any(path is not None and descriptor(path) == STANDARD_OUTPUT for path in outputs)
    return sys.stderr if taken else sys.stdout


def check_writable(path: Path) -> None:
    """Refuse, before hours of work, what could not be written after it.

    Raises
    ------
    FieldguideError : it is a folder, a disk, a socket, or links in a circle; its folder is missing or closed to us;
        or it is write-protected.
    """
    if (number := descriptor(path)) is not None:
        try:
            os.fstat(number)
        except OSError as error:
            raise FieldguideError(f"{path} cannot be written: it is not open") from error
        return
    status = _status(path)
    if status is not None and stat.S_ISDIR(status.st_mode):
        raise FieldguideError(f"{path} is a folder: name a file to write to")
    if status is not None and not (_is_stream(status) or stat.S_ISREG(status.st_mode)):
        raise FieldguideError(f"{path} cannot be written: it is neither a file nor a pipe")
    target = _target(path)
    if not target.parent.is_dir():
        raise FieldguideError(f"{path} cannot be written: there is no folder {target.parent}, make it first")
    if status is not None and not os.access(target, os.W_OK):
        raise FieldguideError(f"{path} cannot be written: it is write-protected")
    if status is None and not os.access(target.parent, os.W_OK):
        raise FieldguideError(f"{path} cannot be written: no permission to write in {target.parent}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a scratch path; what is written there is at `path` at the end, or on an error nothing is.

    A link is followed: its target is replaced, or made. A device, a pipe or standard output gets all of it at once.

    Raises
    ------
    FieldguideError : it cannot be written, or it is a pipe that nothing reads.
    """
    try:
        target = _target(path)
        if not is_file(path) or (target.exists() and not os.access(target.parent, os.W_OK)):
            with tempfile.TemporaryDirectory(prefix="fieldguide-") as folder:
                scratch = Path(folder, f"scratch{path.suffix}")
                yield scratch
                _copy(scratch, path)
            return
        scratch = target.parent / f".fieldguide-{token_hex(8)}{path.suffix}"
        # Made as any new file: the kernel takes from its permissions what the user's umask says. To ask for the umask
        # one would have to change it, for all threads
        os.close(os.open(scratch, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            yield scratch
            if target.exists():
                scratch.chmod(stat.S_IMODE(target.stat().st_mode))
            scratch.replace(target)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        raise FieldguideError(f"{path} cannot be written: {error.strerror or error}") from error


def _status(path: Path) -> os.stat_result | None:
    """What a path is, links followed; None if it is nothing yet."""
    try:
        return path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FieldguideError(f"{path} cannot be written: it is a link that leads back to itself") from error
        if error.errno == errno.ENAMETOOLONG:
            raise FieldguideError(f"{path} cannot be written: its name is too long") from error
        return None
    except ValueError as error:
        raise FieldguideError(f"{str(path)!r} cannot be written: no file can have that name") from error


def _target(path: Path) -> Path:
    """Where a link leads to; the path itself if it is none."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _is_stream(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISFIFO(status.st_mode)


def _copy(scratch: Path, path: Path) -> None:
    """Write a file's content to what cannot be replaced. Whoever closes a pipe early has read enough."""
    number = descriptor(path)
    with scratch.open("rb") as source, suppress(BrokenPipeError):
        if number != STANDARD_OUTPUT:
            with os.fdopen(_open(path) if number is None else os.dup(number), "wb") as sink:
                shutil.copyfileobj(source, sink)
        elif isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.flush()
            shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.buffer.flush()
        else:  # another program's stand-in, which takes text
            sys.stdout.write(source.read().decode(errors="surrogateescape"))


def _open(path: Path) -> int:
    """Open a device, a pipe or a file for writing; a pipe when there is someone to read it."""
    until = None
    while True:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        else:
            os.set_blocking(handle, True)
            return handle
        if until is None:
            until = time.monotonic() + SECONDS_FOR_A_READER
            log.warning("%s is a pipe that nothing reads: waiting %.0f seconds for it", path, SECONDS_FOR_A_READER)
        if time.monotonic() > until:
            raise FieldguideError(f"{path} cannot be written: nothing reads from this pipe")
        time.sleep(0.05)

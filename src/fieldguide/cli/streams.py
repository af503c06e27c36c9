"""Standard output and standard error as they come: closed, on a full disk, or with a reader that has enough."""

import io
import os
import sys
from contextlib import suppress

from fieldguide.core.errors import FieldguideError


def prepare_streams() -> None:
    """Make both streams fit to be written to, whatever a file's name holds and whether or not they are open."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell: else the next file that is opened would take its number
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  for as long as we run
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may be any bytes


def flush_output() -> None:
    """Write to stdout what is left, while an error can still be told.

    Raises
    ------
    BrokenPipeError : nothing reads it any more.
    FieldguideError : it cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        silence_output()
        raise FieldguideError(f"standard output cannot be written: {error.strerror or error}") from error


def silence_output() -> None:
    """Send what is left for stdout nowhere, as Python would try again at its end and complain."""
    with suppress(OSError, ValueError):  # no file behind it
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

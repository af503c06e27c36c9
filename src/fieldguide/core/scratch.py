"""Scratch files in a folder that many runs share: those of a live run, and those that a killed one left behind.

A run holds a lock on what it is writing, which the operating system drops when the run ends, however it ends. Process
numbers would not do: containers that share a folder have each their own.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

SECONDS_TO_LOCK = 60.0  # between making a file and locking it no run takes as long
SECONDS_WITHOUT_LOCKS = 86_400.0  # where the disk has no locks, whatever is that old was left by a killed run


def lock(handle: int) -> None:
    """Lock an open file until it is closed, where the disk has locks."""
    if fcntl is not None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder locked within the block, where the disk has locks."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        lock(handle)
        yield
    finally:
        os.close(handle)


def is_abandoned(path: Path) -> bool:
    """Whether a scratch file or folder was left by a run that is no more."""
    try:
        age = time.time() - path.stat().st_mtime
        if fcntl is None:
            return age > SECONDS_WITHOUT_LOCKS
        if age < SECONDS_TO_LOCK:
            return False
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # gone just now, or another user's
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a disk without locks
        return age > SECONDS_WITHOUT_LOCKS
    finally:
        os.close(handle)
    return True

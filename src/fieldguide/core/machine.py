"""The machine that fieldguide runs on: its cores, the cache folder, a temporary folder where that cannot be written."""

import atexit
import logging
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

log = logging.getLogger("fieldguide")


def cores() -> int:
    """How many cores this process may use, which in a container is less than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """Where converted networks and embeddings are kept: the user's cache folder, or `$FIELDGUIDE_CACHE`.

    A user without a home folder, as in many containers, gets the temporary folder.
    """
    from platformdirs import user_cache_path

    chosen = os.environ.get("FIELDGUIDE_CACHE")
    if chosen:
        return Path(chosen)
    try:
        return user_cache_path("fieldguide", appauthor=False)
    except RuntimeError:
        warn_of_cache("the home folder", "there is none")
        return temporary_folder()


@cache
def temporary_folder() -> Path:
    """Where this process may keep files until it ends.

    Raises
    ------
    OSError : there is no place for temporary files.
    """
    folder = Path(tempfile.mkdtemp(prefix="fieldguide-"))
    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:  # not at the end of a process that was forked off
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    return folder


def remove_temporary_folder() -> None:
    """Remove it now, for a program that ends the process in another way than Python's."""
    if temporary_folder.cache_info().currsize:
        shutil.rmtree(temporary_folder(), ignore_errors=True)


@cache
def warn_of_cache(place: object, reason: str) -> None:
    """Say, once a process, that nothing is kept for the next run."""
    log.warning(
        "%s cannot be written to (%s): going on without a cache, so that the next run begins anew; "
        "name a folder for it in FIELDGUIDE_CACHE",
        place,
        reason,
    )

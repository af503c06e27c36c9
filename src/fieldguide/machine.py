"""What fieldguide takes of the machine it runs on: its cores and a cache folder."""

import os
from pathlib import Path


def cores() -> int:
    """How many cores this process may use, which in a container is less than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cache_folder() -> Path:
    """Where converted networks are kept: the user's cache folder, or `$FIELDGUIDE_CACHE`."""
    from platformdirs import user_cache_path

    chosen = os.environ.get("FIELDGUIDE_CACHE")
    return Path(chosen) if chosen else user_cache_path("fieldguide", appauthor=False)

"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldguide.errors import FieldguideError


def check_writable(path: Path) -> None:
    """Refuse, before hours of work, a file that could not be written after it.

    Raises
    ------
    FieldguideError : its folder is missing or closed to us, or `path` is a folder.
    """
    if path.is_dir():
        raise FieldguideError(f"{path} is a folder: name a file to write to")
    if not path.parent.is_dir():
        raise FieldguideError(f"{path} cannot be written: there is no folder {path.parent}, make it first")
    if not os.access(path.parent, os.W_OK):
        raise FieldguideError(f"{path} cannot be written: no permission to write in {path.parent}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a scratch path beside `path`; rename it to `path` at the end, or delete it on an error."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise FieldguideError(f"{path} cannot be written: {error.strerror}") from error
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)  # mkstemp's 0600 is for secrets; answers are for colleagues
        scratch.replace(path)
    except OSError as error:
        raise FieldguideError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        scratch.unlink(missing_ok=True)

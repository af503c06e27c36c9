"""Networks converted for an engine, kept in the cache folder: each is made once, and a damaged one is made again."""

import hashlib
import logging
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fieldguide.core.errors import BackboneError
from fieldguide.core.machine import cache_folder, temporary_folder, warn_of_cache
from fieldguide.core.scratch import locked


def converted(name: str, *facts: str, convert: Callable[[Path], None]) -> Path:
    """Find a converted network's folder in the cache, or make it; in the temporary folder if the cache is closed.

    Parameters
    ----------
    name : of the backbone, so that people who open the cache folder recognise it
    facts : all that decides the network: the weights' fingerprint, the engine and its version, the precision
    convert : writes the network's files into an empty folder

    Raises
    ------
    BackboneError : neither can be written to.
    """
    readable = re.sub(r"[^\w.-]+", "-", Path(name).name)
    place = Path("engines", "-".join([readable, *facts]))
    folder = cache_folder() / place
    if _intact(folder):
        return folder
    try:
        _make(folder, convert)
    except OSError as error:
        try:
            spare = temporary_folder() / place
            if not _intact(spare):
                _make(spare, convert)
        except OSError:
            raise BackboneError(
                f"the converted network cannot be kept in {folder.parent} ({error.strerror or error}), nor in the "
                "folder of temporary files: name another cache folder in FIELDGUIDE_CACHE, or take --engine torch"
            ) from error
        warn_of_cache(cache_folder(), error.strerror or str(error))
        return spare
    return folder


def _make(folder: Path, convert: Callable[[Path], None]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=folder.parent) as scratch, locked(Path(scratch)):
        place = Path(scratch) / folder.name
        place.mkdir()
        with quiet():
            convert(place)
        (place / "sha256").write_text(_digest(place))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            place.rename(folder)
        except OSError:
            if not _intact(folder):  # unless another run was quicker
                raise


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name != "sha256":
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _intact(folder: Path) -> bool:
    try:
        return (folder / "sha256").read_text() == _digest(folder)
    except OSError:
        return False


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings that concern the converters' developers: tracing is deprecated, torchvision is not there."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)

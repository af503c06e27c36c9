"""Reads arrays of a .npz that need not be trusted: no pickle, and no memory for more than the file holds."""

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from fieldguide.core.arrays import Anything
from fieldguide.core.errors import RecordsError

NAMES = ("image", "label", "embedding", "backbone", "fingerprint")  # the arrays that are read; others are let be


def read_arrays(path: Path, required: Sequence[str]) -> dict[str, Anything]:
    """Read those arrays of a .npz that files of embeddings have.

    Raises
    ------
    RecordsError : it is no .npz, one of `required` is missing, an array holds Python objects, or says that it has more
        numbers than there are bytes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.removesuffix(".npy"): name for name in archive.namelist()}
            for name in required:
                if name not in members:
                    raise RecordsError(f"{path} has no '{name}'; it has {', '.join(members) or 'nothing at all'}")
            return {name: _read(path, archive, name, members[name]) for name in NAMES if name in members}
    except MemoryError as error:
        raise RecordsError(f"{path} cannot be read as embeddings: it does not fit into memory") from error
    except (OSError, ValueError, TypeError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise RecordsError(f"{path} cannot be read as embeddings: {reason}") from error
    except Exception as error:  # a deflate stream that is cut or altered: zlib.error, lzma.LZMAError
        if type(error).__name__ not in {"error", "LZMAError"}:
            raise
        raise RecordsError(f"{path} cannot be read as embeddings: it is damaged ({error})") from error


def _read(path: Path, archive: zipfile.ZipFile, name: str, member: str) -> Anything:
    with archive.open(member) as file:
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
    if dtype.hasobject:
        raise RecordsError(
            f"{path}: '{name}' holds Python objects, which are never loaded (allow_pickle=False): a pickle may run "
            "what it holds. Save text as np.array(names, str), numbers as np.array(rows, np.float32)"
        )
    size = archive.getinfo(member).file_size
    if math.prod(shape) * dtype.itemsize > size:
        raise RecordsError(f"{path}: '{name}' says that it is of shape {shape}, but has {size:,} bytes: it is damaged")
    with archive.open(member) as file:
        return np.asarray(npy.read_array(file, allow_pickle=False))

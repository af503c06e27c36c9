"""Embeddings by what is in a picture's file, and a shortcut that spares reading files which have not changed."""

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b, file_digest
from io import BufferedReader
from pathlib import Path

import numpy as np

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.core.arrays import Anything, Ints
from fieldguide.core.machine import cache_folder, warn_of_cache
from fieldguide.embedding.cache.rows import KEY_BYTES, KeyedRows, as_keys
from fieldguide.engines import Engine
from fieldguide.images.decoding import UnreadableError, open_picture
from fieldguide.records.image_table import Source, whole_and_region
from fieldguide.records.regions import Region

DECODING = "d2"  # another when pictures are decoded in another way, so that what is kept is not mixed with it
# A file that changes again within the tick of its file system's clock looks the same afterwards; FAT's ticks are
# the longest, of two seconds. So a file as young as that is read again
TICK_NS = 2_000_000_000


@dataclass(frozen=True)
class FileSignature:
    """A file as it was when it was read.

    Attributes
    ----------
    content : hash of all of its bytes, by which the embedding is kept
    file : hash of its path, size, times and inode, by which the content is known without reading it; None if it has
        changed too lately for these to be trusted
    """

    content: bytes
    file: bytes | None


class EmbeddingCache:
    """The embeddings of pictures that earlier runs embedded in one way, by what is in the pictures' files.

    The content's hash is BLAKE2b, which is as safe as SHA-2 against two files with one hash, made on purpose or not,
    and takes a 20th of the time that decoding does.

    Parameters
    ----------
    folder : where the cache lies
    cache_key : names all that decides the numbers: the backbone's weights, the engine, its precision, the decoding
    dim : numbers in an embedding
    dtype : of these, float32; local features of a picture are kept as so many bytes
    """

    def __init__(self, folder: Path, cache_key: str, dim: int, dtype: type[np.generic] = np.float32) -> None:
        self.files = KeyedRows(folder / "files", "file", "content", KEY_BYTES, np.uint8)
        self.embeddings = KeyedRows(folder / cache_key, "content", "embedding", dim, dtype)
        self.folder = folder
        self.writable = True

    def load_unchanged(self, paths: Sequence[Source], into: Anything) -> Ints:
        """Fill in the embeddings of files that have not changed since they were last embedded.

        Parameters
        ----------
        paths : n pictures; those in memory get none
        into : (n, dim) their embeddings

        Returns
        -------
        The rows that got none, ascending.
        """
        every = np.arange(len(paths))
        contents = np.zeros((len(paths), KEY_BYTES), np.uint8)
        unknown = self.files.load(np.array([_path_hash(path) for path in paths], f"S{KEY_BYTES}"), contents, every)
        known = np.setdiff1d(every, unknown)
        return np.union1d(unknown, self.load(contents[known], into, known)).astype(np.int64)

    def load(self, contents: Anything, into: Anything, rows: Ints) -> Ints:
        """Fill in the embeddings of contents, (n, 16) bytes, in these rows; gives the rows that got none."""
        return self.embeddings.load(as_keys(contents), into, rows)

    def contains(self, content: bytes) -> bool:
        """Whether the embedding of a content is here, as far as one can say without reading it."""
        return bool(self.embeddings.find(np.array([content], f"S{KEY_BYTES}"))[0] >= 0)

    def add(self, signature: FileSignature, embedding: Anything | None) -> None:
        """Keep the embedding of a file's content, if one is given, and which file has that content."""
        if not self.writable:
            return
        try:
            if embedding is not None:
                self.embeddings.add(signature.content, embedding)
            if signature.file is not None:
                self.files.add(signature.file, np.frombuffer(signature.content, np.uint8))
        except OSError as error:
            self._give_up(error)

    def flush(self) -> None:
        """Write what is not yet on disk."""
        if not self.writable:
            return
        try:
            self.embeddings.flush()
            self.files.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.writable = False
        _warn(self.folder, error)


def embeddings_folder() -> Path:
    """Where embeddings are kept."""
    return cache_folder() / "embeddings"


def open_cache(backbone: Backbone, engine: Engine) -> EmbeddingCache | None:
    """Open the cache of embeddings made in one way, or say in a warning why there is none; work goes on without."""
    name = re.sub(r"[^\w.-]+", "-", backbone.name)
    return open_cache_of(f"{name}-{fingerprint(backbone)}-{engine.cache_key}", backbone.dim, np.float32)


def open_cache_of(key: str, width: int, dtype: type[np.generic]) -> EmbeddingCache | None:
    """Open the cache of what `key` names, so many numbers a picture, or warn and go on without."""
    folder = embeddings_folder()
    try:
        return EmbeddingCache(folder, f"{key}-{DECODING}", width, dtype)
    except OSError as error:
        _warn(folder, error)
        return None


def sign_file(path: Path, file: BufferedReader, region: Region | None = None) -> FileSignature:
    """Hash a file's content, and its path and times; it is left at its beginning.

    Of a region of a picture both hashes are of the region too, and of its mask's file.

    Raises
    ------
    UnreadableError : the mask's file cannot be read.
    """
    status = os.fstat(file.fileno())
    file.seek(0)  # whoever decoded it left it anywhere
    content = file_digest(file, lambda: blake2b(digest_size=KEY_BYTES)).digest()
    file.seek(0)
    settled = max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - TICK_NS
    signature = FileSignature(content, _file_hash(path, status) if settled else None)
    return signature if region is None else sign_region(signature, region)


def sign_region(whole: FileSignature, region: Region) -> FileSignature:
    """Say what a region of a picture is, by what the whole is.

    Raises
    ------
    UnreadableError : the mask's file cannot be read.
    """
    if region.mask is None:
        mask = FileSignature(b"", b"")
    else:
        try:
            with open_picture(region.mask) as file:
                mask = sign_file(region.mask, file)
        except UnreadableError as error:
            raise UnreadableError(f"its mask {region.mask}: {error}") from None
    known = whole.file is not None and mask.file is not None
    return FileSignature(
        _region_hash(whole.content, mask.content, region),
        _region_hash(whole.file or b"", mask.file or b"", region) if known else None,
    )


def _region_hash(whole: bytes, mask: bytes, region: Region) -> bytes:
    return blake2b(whole + mask + region.text, digest_size=KEY_BYTES, person=b"region").digest()


def sign_in_memory(content: bytes | memoryview, kind: bytes = b"") -> FileSignature:
    """Say what a picture is that is in no file: by the bytes of one, or by its pixels, another `kind` of content."""
    return FileSignature(blake2b(content, digest_size=KEY_BYTES, person=kind).digest(), None)


def unchanged(signature: FileSignature, path: Path, file: BufferedReader, region: Region | None = None) -> bool:
    """Whether a file, and the mask of a region, is still what it was; if too young for that, whether its content is."""
    if signature.file is not None:
        whole = _file_hash(path, os.fstat(file.fileno()))
        return (whole if region is None else _file_hash_of_region(whole, region)) == signature.file
    return sign_file(path, file, region).content == signature.content


def _file_hash(path: Path, status: os.stat_result) -> bytes:
    # The time of change, as a copy may have been given the times of the file that it replaces
    text = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino} ".encode()
    return blake2b(text + os.fsencode(os.path.abspath(path)), digest_size=KEY_BYTES).digest()  # noqa: PTH100  fast


def _path_hash(source: Source) -> bytes:
    path, region = whole_and_region(source)
    if not isinstance(path, Path):
        return b""
    try:
        whole = _file_hash(path, path.stat())
        return whole if region is None else _file_hash_of_region(whole, region)
    except (OSError, ValueError):
        return b""


def _file_hash_of_region(whole: bytes, region: Region) -> bytes:
    mask = b"" if region.mask is None else _file_hash(region.mask, region.mask.stat())
    return _region_hash(whole, mask, region)


def _warn(folder: Path, error: OSError) -> None:
    warn_of_cache(folder.parent, error.strerror or str(error))

"""Pictures whose file lost its end: decoded as far as they go, as viewers do, if nearly all of the picture is there.

Pillow has a switch for that, `LOAD_TRUNCATED_IMAGES`, but it is one for the whole process, which is not ours, and does
not say how much is missing.
"""

import os
from io import BufferedReader, BytesIO
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import ImageFile

MOST_MISSING = 0.1  # of the picture; with more it is another picture than the one that was taken
MOST_OF_WEBP = 0.05  # of the file: what is lost there is more of the picture
LARGEST = 16_000_000  # pixels; other formats than JPEG are decoded twice to see what is missing
END_OF_JPEG = b"\xff\xd9"
LAST_BIT = 0x10  # how a scan begins that refines coefficients by their last bit
LAST_FREQUENCY = 63  # of the 64 of a block of a JPEG


def with_its_length(file: BufferedReader) -> tuple[IO[bytes], bool]:
    """Give a WebP that lost its end with zeros in its place: its decoder takes none that is shorter than it says.

    Parameters
    ----------
    file : any picture's, at its beginning

    Returns
    -------
    What to decode, and whether it is such a one; the file itself if not.

    Raises
    ------
    OSError : more than a twentieth of the file is missing.
    """
    head = file.peek(12)[:12]
    if not (head[:4] == b"RIFF" and head[8:] == b"WEBP"):
        return file, False
    length = int.from_bytes(head[4:8], "little") + 8
    missing = length - file.seek(0, os.SEEK_END)
    file.seek(0)
    if missing <= 0:
        return file, False
    if missing > MOST_OF_WEBP * length:
        raise OSError(f"the file is truncated: {missing / length:.0%} of it is missing")
    content = bytearray(file.read() + bytes(missing))
    if content[12:16] == b"VP8 ":  # lossy: zeros may stand for more than what was lost, and run out before the picture
        content += bytes(length + length % 2)
        content[4:8] = (len(content) - 8).to_bytes(4, "little")
        content[16:20] = (len(content) - 20).to_bytes(4, "little")
    return BytesIO(content), True


def load(picture: "ImageFile.ImageFile", file: BufferedReader) -> bool:
    """Decode a picture, and say whether it is cut short.

    Parameters
    ----------
    picture : opened, not yet decoded
    file : what it was opened from

    Raises
    ------
    OSError : it cannot be decoded, or more than a tenth of the picture is missing.
    """
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
        missing = _load_jpeg(picture, file) if picture.format in ("JPEG", "MPO") else _load_twice(picture, error)
        if missing > MOST_MISSING:
            raise OSError(f"the file is truncated: {missing:.0%} of the picture is missing") from error
        return True
    return False


def _load_jpeg(picture: "ImageFile.ImageFile", file: BufferedReader) -> float:
    """Decode a JPEG with an end put to it, and give how much is missing, from 0 to 1."""
    from PIL import Image

    rest = iter([END_OF_JPEG])
    source = picture.fp
    assert source is not None
    picture.load_read = lambda length: source.read(length) or next(rest, b"")  # type: ignore[attr-defined]
    picture.load()
    if "progressive" not in picture.info:
        return _grey_end(np.asarray(picture))
    file.seek(0)
    content = file.read()
    scan = content.rfind(b"\xff\xda")
    n_components = content[scan + 4]
    last, bits = content[scan + 6 + 2 * n_components], content[scan + 7 + 2 * n_components]
    if bits == LAST_BIT:
        return 0.0  # all blocks have all but that
    if bits or last != LAST_FREQUENCY:
        return 1.0  # more scans were to come
    with Image.open(BytesIO(content[:scan] + END_OF_JPEG), formats=["JPEG"]) as before:
        before.draft(None, picture.size)
        (rows,) = np.nonzero((np.asarray(before) != np.asarray(picture)).reshape(picture.height, -1).any(1))
    return 1 - (rows[-1] + 1) / picture.height if len(rows) else 1.0


def _grey_end(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> float:
    """How much of a picture, at its end, is the grey that libjpeg puts where nothing is, from 0 to 1."""
    height, width = pixels.shape[:2]
    far = np.abs(pixels.reshape(height, width, -1).astype(np.int16) - 128).max(2) > 1
    at_the_right = np.where(far.max(1), np.argmax(far[:, ::-1], axis=1), width)
    whole = np.flatnonzero(at_the_right == 0)
    return float(at_the_right[whole[-1] + 1 if len(whole) else 0 :].sum() / far.size)


def _load_twice(picture: "ImageFile.ImageFile", error: OSError) -> float:
    """Decode a picture onto white and onto black, and give how much of it is not the same, from 0 to 1."""
    if picture.width * picture.height > LARGEST:
        raise error
    tiles = list(picture.tile)
    white = _loaded_onto(picture, 0xFFFFFF if len(picture.getbands()) > 1 else 255)
    picture.tile = tiles
    black = _loaded_onto(picture, 0)
    differs = white != black
    return float(differs.reshape(*differs.shape[:2], -1).any(2).mean())


def _loaded_onto(picture: "ImageFile.ImageFile", colour: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.generic]]":
    from PIL import Image

    prepare = type(picture).load_prepare

    def prepare_filled() -> None:
        prepare(picture)
        filled = Image.core.fill(picture.mode, picture.size, colour)  # type: ignore[attr-defined]
        picture.im.paste(filled, (0, 0, *picture.size))

    picture.load_prepare = prepare_filled  # type: ignore[method-assign]
    try:
        picture.load()
    except OSError as error:
        if "truncated" not in str(error):
            raise
    picture.tile = []  # what is there is all there is
    return np.array(picture)

"""Any picture that Pillow can open, as upright RGB, in memory that is bounded whatever the file says."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from io import BufferedReader, BytesIO
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.errors import FieldguideError
from fieldguide.images.cut_short import load, with_its_length
from fieldguide.images.regions import (
    RegionError,
    blanked,
    cut,
    region_edges,
    shortest_of_whole,
    turned_back,
)
from fieldguide.images.tones import black_and_white, is_deep, no_data, to_grey
from fieldguide.images.turns import Turn
from fieldguide.records.image_table import InMemory, Source, whole_and_region
from fieldguide.records.regions import Region
from fieldguide.records.unreadable import UNKNOWN_FORMAT

if TYPE_CHECKING:
    from PIL import Image

LIMIT = "FIELDGUIDE_MAX_MEGAPIXELS"  # the environment variable that says how large a picture may be
LARGE = 16_000_000  # pixels; pictures above are decoded one at a time, and shrunk band by band
BAND = 2_000_000  # pixels
CUT_SHORT = "cut short"  # in a picture's `info`: whether its file lost its end
JPEG = b"\xff\xd8\xff"
UPRIGHT = {0, 1, 3}  # turns that leave width and height: flips and half a turn, in Pillow's numbers
COMMON = {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP"}  # formats whose decoders are tried by all the world every day

_one_at_a_time = Turn()
_loading = Lock()  # a picture of Pillow's that is not loaded yet may stand in a list twice


class UnreadableError(Exception):
    """A picture that cannot be read; the text is the reason, in one line."""


def open_rgb(source: Source, shortest: int = 0) -> "Image.Image":
    """Decode the picture in a file, `open_picture`, then `decode`; or one that is in memory, `decode_in_memory`."""
    whole, region = whole_and_region(source)
    if not isinstance(whole, Path):
        return decode_in_memory(whole, shortest, region)
    with open_picture(whole) as file:
        return decode(file, shortest, region)


@contextmanager
def open_picture(path: Path) -> Iterator[BufferedReader]:
    """Open a file that may hold a picture. What the system reports of it, now or later, is an UnreadableError.

    Raises
    ------
    UnreadableError : there is no such file, it is a folder, a pipe or a device, or it cannot be read.
    """
    try:
        _check_kind(path.stat().st_mode)  # first, as opening alone does something to some devices
        # Should it have become a pipe since, opening does not wait for someone to write into it
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            _check_kind(os.fstat(handle).st_mode)
            yield file
    except FileNotFoundError:
        raise UnreadableError("no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UnreadableError(getattr(error, "strerror", None) or _line(error)) from error


def _check_kind(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise UnreadableError("a folder, not a picture")
    if not stat.S_ISREG(mode):
        raise UnreadableError("a pipe, socket or device, not a file")


def decode(file: BufferedReader, shortest: int = 0, region: Region | None = None) -> "Image.Image":
    """Decode a picture to 8-bit RGB, upright by its EXIF orientation, transparency over white.

    Greyscale of more than 8 bits is shown as `black_and_white` says; of an animation, or several pages, the first is
    taken. A picture whose file lost its end is read as far as it goes, and has `CUT_SHORT` in its `info`.

    Parameters
    ----------
    file : the picture's, at its beginning
    shortest : how many pixels of the shorter side are needed: a larger picture may come smaller than it is, but not
        under this. 0 for the picture as it is
    region : the part of it that is wanted, and whose shorter side is meant; None for all

    Raises
    ------
    UnreadableError : it is no picture, much of it is missing, it has more pixels than the limit, or the region cannot
        be cut out.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        source, cut_short = with_its_length(file)
        with Image.open(source, formats=_formats()) as picture:
            size = picture.size
            if shortest:
                enough = shortest if region is None else _enough(picture, region, shortest)
                picture.draft(None, (enough, enough))  # a JPEG is decoded at 1/2, 1/4 or 1/8
            with _turn_of(picture):
                cut_short |= load(picture, file)
                turn = _orientation(picture)
                part = picture if region is None else _part(picture, region, size, turn)
                large = _pixels(part) > LARGE and shortest
                rgb = _shrunk(part, shortest) if large else _to_rgb(part)(part)
        rgb = rgb if turn is None else rgb.transpose(turn)
        rgb = rgb if region is None else _without_background(rgb, region, _upright(size, turn))
        rgb.info[CUT_SHORT] = cut_short
        return rgb
    except (RegionError, UnreadableError) as error:
        raise UnreadableError(str(error)) from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise UnreadableError(f"more than {limit:,.0f} megapixels, the limit unless {LIMIT} says another") from None
    except UnidentifiedImageError as error:
        empty = file.seek(0, os.SEEK_END) == 0
        raise UnreadableError("an empty file" if empty else UNKNOWN_FORMAT) from error
    except MemoryError:
        raise UnreadableError("there is not enough memory to decode it") from None
    except FieldguideError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        reason = _line(error)
        raise UnreadableError(reason if "truncated" in reason else f"it cannot be decoded: {reason}") from error


def decode_in_memory(picture: InMemory, shortest: int = 0, region: Region | None = None) -> "Image.Image":
    """Decode a picture that is in no file as `decode` does, and under the same limit.

    Parameters
    ----------
    picture : the bytes of a file, a picture of Pillow's, or its pixels, (H, W) or (H, W, 3) uint8; left as it is
    shortest, region : as in `decode`

    Raises
    ------
    UnreadableError : as `decode`.
    """
    from PIL import Image

    if isinstance(picture, bytes):
        return decode(BufferedReader(BytesIO(picture)), shortest, region)
    try:
        if not (picture.size if isinstance(picture, np.ndarray) else _pixels(picture)):
            raise UnreadableError("it has no pixels")
        whole = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        if _formats() and Image.MAX_IMAGE_PIXELS and _pixels(whole) > 2 * Image.MAX_IMAGE_PIXELS:
            raise UnreadableError(
                f"more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:,.0f} megapixels, the limit unless {LIMIT} says another"
            )
        with _turn_of(whole):
            with _loading:
                whole.load()
            turn = _orientation(whole)
            part = whole if region is None else _part(whole, region, whole.size, turn)
            rgb = _shrunk(part, shortest if shortest and _pixels(part) > LARGE else max(part.size))
        rgb = rgb if turn is None else rgb.transpose(turn)
        rgb = rgb if region is None else _without_background(rgb, region, _upright(whole.size, turn))
        rgb.info[CUT_SHORT] = False
        return rgb
    except (UnreadableError, FieldguideError):
        raise
    except RegionError as error:
        raise UnreadableError(str(error)) from None
    except MemoryError:
        raise UnreadableError("there is not enough memory to decode it") from None
    except Exception as error:  # what Pillow has opened, and not read yet, may be broken
        raise UnreadableError(f"it cannot be decoded: {_line(error)}") from error


def is_risky(file: BufferedReader) -> bool:
    """Whether a picture is one whose decoder may hang or crash: a rare format, or very large, unless it is a JPEG.

    Parameters
    ----------
    file : the picture's, at its beginning; it is left there
    """
    from PIL import Image

    if file.peek(3)[:3] == JPEG:  # at once: nearly all pictures are
        return False
    try:
        with Image.open(file, formats=_formats()) as picture:
            return picture.format not in COMMON or _pixels(picture) > LARGE
    except FieldguideError:
        raise
    except Exception:  # whoever decodes it says what is wrong
        return False
    finally:
        file.seek(0)


def large_ones_turn(file: BufferedReader) -> AbstractContextManager[object]:
    """Wait for other large pictures to be done, if this is one; `file` as in `is_risky`, for a picture that is."""
    from PIL import Image

    with Image.open(file, formats=_formats()) as picture:
        turn = _turn_of(picture)
    file.seek(0)
    return turn


def _enough(picture: "Image.Image", region: Region, shortest: int) -> int:
    """Give how small the whole picture may come if a region's shorter side is to have `shortest` pixels."""
    size = _upright(picture.size, _orientation(picture))
    return shortest_of_whole(region_edges(region, *size), size, shortest)


def _part(
    picture: "Image.Image", region: Region, size: tuple[int, int], turn: "Image.Transpose | None"
) -> "Image.Image":
    """Cut a region out of a picture that is not upright yet, and is stored in `size`."""
    return cut(picture, turned_back(region_edges(region, *_upright(size, turn)), turn))


def _without_background(rgb: "Image.Image", region: Region, size: tuple[int, int]) -> "Image.Image":
    """Blank the background of what was cut out of an upright picture of `size`, if there is a mask that says where."""
    if region.mask is None:
        return rgb
    try:
        mask = open_rgb(region.mask)
    except UnreadableError as error:
        raise UnreadableError(f"its mask {region.mask}: {error}") from None
    return blanked(rgb, mask, size, region_edges(region, *size))


def _upright(size: tuple[int, int], turn: "Image.Transpose | None") -> tuple[int, int]:
    """Give the width and height of a picture of `size` when it is turned."""
    return size if turn is None or turn.value in UPRIGHT else (size[1], size[0])


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


@cache
def _formats() -> tuple[str, ...]:
    """Name Pillow's formats and HEIF, without PostScript, which would be run as a program; set the user's limit."""
    import pi_heif
    from PIL import Image

    if limit := os.environ.get(LIMIT):
        if not limit.isdecimal() or int(limit) < 1:
            raise FieldguideError(f"{LIMIT} is a whole number of millions of pixels, not '{limit}'")
        Image.MAX_IMAGE_PIXELS = int(limit) * 1_000_000 // 2  # Pillow warns above that and refuses above twice that
    Image.init()
    pi_heif.register_heif_opener()
    return tuple(name for name in Image.ID if name != "EPS")


def _pixels(picture: "Image.Image") -> int:
    return picture.width * picture.height


def _turn_of(picture: "Image.Image") -> AbstractContextManager[object]:
    """Wait for other large pictures to be done, so that memory holds one of them, not one a core."""
    progressive = "progressive" in picture.info  # such a JPEG is in memory in full before it is made smaller
    return _one_at_a_time if progressive or _pixels(picture) > LARGE else nullcontext()


def _orientation(picture: "Image.Image") -> "Image.Transpose | None":
    """What turns the picture upright, by EXIF or XMP."""
    from PIL import Image

    turns = Image.Transpose
    by_number = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }
    try:
        return by_number.get(picture.getexif().get(0x0112, 1))
    except Exception:  # broken EXIF: the picture is still good
        return None


def _shrunk(picture: "Image.Image", shortest: int) -> "Image.Image":
    """Give RGB of 1/2, 1/3, … the size. It is converted a band at a time: a copy of the whole may not fit."""
    from PIL import Image

    factor = max(1, min(picture.size) // shortest)
    small = Image.new("RGB", (-(-picture.width // factor), -(-picture.height // factor)))
    to_rgb = _to_rgb(picture)
    rows = factor * max(1, BAND // picture.width // factor)
    for top in range(0, picture.height, rows):
        band = picture.crop((0, top, picture.width, min(top + rows, picture.height)))
        small.paste(to_rgb(band).reduce(factor), (0, top // factor))
    return small


def _to_rgb(picture: "Image.Image") -> "Callable[[Image.Image], Image.Image]":
    """Give what makes RGB of a picture, or of a band of it."""
    from PIL import Image

    if not is_deep(picture):
        return _shallow_to_rgb
    nothing = no_data(picture)
    ends = black_and_white(picture, max(1, BAND // picture.width), nothing)
    return lambda band: Image.fromarray(to_grey(band, ends, nothing)).convert("RGB")


def _shallow_to_rgb(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return picture if picture.mode == "RGB" else picture.convert("RGB")

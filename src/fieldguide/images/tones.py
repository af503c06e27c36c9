"""Greyscale whose mode does not say what white is: 16 and 32 bits, signed or not, floats; shown as viewers show it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.arrays import Bytes, Floats

if TYPE_CHECKING:
    from PIL import Image

NO_DATA = 42113  # the TIFF tag in which GDAL says which number means that there is none
WHITES = 1.0, 255.0, 65535.0  # the first of them only for floats
LEAST_SPAN = 0.25  # of the range from black to white; pictures that use less hold other units, or 12 or 14 bits
BELOW = 0.05  # of that range: so far below black, which resizing brings about, floats are black

Range = tuple[float, float]


def is_deep(picture: "Image.Image") -> bool:
    """Whether it is greyscale of more than 8 bits."""
    return picture.mode in ("I", "F") or picture.mode.startswith("I;16")


def no_data(picture: "Image.Image") -> float:
    """Which value means that there is none, NaN if the file does not say."""
    try:
        return float(str(getattr(picture, "tag_v2", {}).get(NO_DATA, "nan")).strip(" \0"))
    except ValueError:
        return float("nan")


def black_and_white(picture: "Image.Image", rows: int, nothing: float) -> Range:
    """Give the values that are shown black and white.

    Parameters
    ----------
    picture : see `is_deep`
    rows : how many are looked at at a time
    nothing : the value that means that there is none

    Returns
    -------
    0 and 1 (floats), 255 or 65,535, if the values fit in there and use a quarter of it, or if 16 bits hold nothing
    above 255 and so are dark; otherwise the least and the largest that are finite: 12 and 14 bits, temperatures,
    heights.
    """
    low, high = np.inf, -np.inf
    for values in _bands(picture, rows):
        known = values[np.isfinite(values) & (values != nothing)]
        if len(known):
            low, high = min(low, float(known.min())), max(high, float(known.max()))
    if high <= low:  # a picture of one value, or of none
        low, high = (0.0, 0.0) if low > high else (low, high)
    sixteen = picture.mode.startswith("I;16")
    whites = WHITES if picture.mode == "F" else WHITES[2:] if sixteen else WHITES[1:]
    white = next((white for white in whites if high <= white), np.inf)
    used = high == low or high - low >= LEAST_SPAN * white or (sixteen and high <= WHITES[1])
    if low >= -BELOW * white and np.isfinite(white) and used:
        return 0.0, white
    return low, high


def to_grey(picture: "Image.Image", ends: Range, nothing: float) -> Bytes:
    """Give 8 bits; NaN and what is not known black."""
    values = np.asarray(picture, dtype=np.float32)
    black, white = ends
    if black == 0.0:
        values = values * np.float32(255.0 / white if white else 0.0)
    else:
        values = ((values.astype(np.float64) - black) * (255.0 / max(white - black, 1e-300))).astype(np.float32)
    values = np.where(np.isnan(values) | (np.asarray(picture) == nothing), 0, values)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _bands(picture: "Image.Image", rows: int) -> Iterator[Floats]:
    for top in range(0, picture.height, rows):
        yield np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))), dtype=np.float32)

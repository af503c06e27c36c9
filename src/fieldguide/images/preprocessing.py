"""From an RGB picture of any size to the square of pixels that a backbone was trained on."""

from dataclasses import dataclass
from math import ceil, floor
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from fieldguide.core.arrays import Bytes

if TYPE_CHECKING:
    from PIL import Image

Filter = Literal["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]
FILTERS: tuple[Filter, ...] = get_args(Filter)  # in Pillow's order: their numbers stand in configuration files
FILTER_RADIUS = 3  # pixels to either side that the widest filter, Lanczos, takes into account

# How much larger than needed a picture is decoded, at least, where it is decoded smaller than it is. With 1 the cosine
# of a photograph's embedding to that of full decoding falls to 0.990, with 2 it stays above 0.999
SPARE = 2


@dataclass(frozen=True)
class Preprocessing:
    """Resize, crop the centre, and (inside the network) normalise.

    Attributes
    ----------
    size : side of the crop in pixels
    shorter_side : what the shorter side becomes before the crop, in pixels, `size` at least
    mean, scale : the network sees (pixel - mean) / scale, pixels from 0 to 255, one number a channel
    filter : how Pillow interpolates, one of its names of `Image.Resampling`
    squash : whether the longer side becomes `shorter_side` too, whatever that does to the shape
    """

    size: int
    shorter_side: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    filter: Filter = "bicubic"
    squash: bool = False

    def __call__(self, picture: "Image.Image") -> Bytes:
        """Give the crop, (size, size, 3)."""
        from PIL import Image

        filter = Image.Resampling[self.filter.upper()]
        width, height = picture.size
        columns, rows = self._resized(width, height)
        if columns == rows == self.size:
            return np.asarray(picture.resize((columns, rows), filter))
        left, right = _span(width, columns, self.size)
        top, bottom = _span(height, rows, self.size)
        # Only what the crop shows is resized: that is the same, and bounded for a 1 × 30,000 strip. Across first, then
        # down, as checkpoints were trained; Pillow 13 left to itself goes by the shape, and rounds in between
        radius = FILTER_RADIUS * max(height / rows, 1) + 1
        first, last = max(0, floor(top - radius)), min(height, ceil(bottom + radius))
        picture = picture.resize((self.size, last - first), filter, box=(left, first, right, last))
        square = picture.resize((self.size, self.size), filter, box=(0, top - first, self.size, bottom - first))
        return np.asarray(square)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Give width and height after resizing, in whole pixels, rounded as torchvision and transformers do."""
        if self.squash:
            return self.shorter_side, self.shorter_side
        longer = int(self.shorter_side * max(width, height) / min(width, height))
        return (self.shorter_side, longer) if width <= height else (longer, self.shorter_side)


def _span(length: int, resized: int, size: int) -> tuple[float, float]:
    """Give the centre `size` of `resized` pixels, in units of the `length` pixels they were."""
    start = (resized - size) // 2
    return start * length / resized, min((start + size) * length / resized, length)

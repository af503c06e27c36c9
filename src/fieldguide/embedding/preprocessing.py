"""From an RGB picture of any size to the square of pixels that a backbone was trained on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.arrays import Bytes

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class Preprocessing:
    """Resize the shorter side, crop the centre, and (inside the network) normalise.

    Attributes
    ----------
    size : side of the crop in pixels
    shorter_side : what the shorter side becomes before the crop, in pixels
    mean, scale : the network sees (pixel - mean) / scale, pixels from 0 to 255, one number a channel
    """

    size: int
    shorter_side: int
    mean: tuple[float, float, float]
    scale: tuple[float, float, float]

    def __call__(self, picture: "Image.Image") -> Bytes:
        """Give the crop, (size, size, 3)."""
        from PIL import Image

        width, height = picture.size
        factor = self.shorter_side / min(width, height)
        # The crop in the picture's own pixels: resizing only that is the same, and bounded for a 1 × 30,000 strip
        side = min(self.size / factor, width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, min(left + side, width), min(top + side, height))
        square = picture.resize((self.size, self.size), Image.Resampling.BICUBIC, box=box)
        return np.asarray(square)

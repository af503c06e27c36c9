"""Two pictures beside each other, with lines between the keypoints that match."""

import colorsys
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.arrays import Floats

if TYPE_CHECKING:
    from PIL import Image

HEIGHT = 480  # pixels of both pictures
GAP = 8


def draw_matched_pair(
    left: "Image.Image", right: "Image.Image", left_places: Floats, right_places: Floats
) -> "Image.Image":
    """Draw two pictures and what matches.

    Parameters
    ----------
    left, right : RGB
    left_places, right_places : (n, 2) shares of the width and height of each, 0 to 1; row by row they match
    """
    from PIL import Image, ImageDraw

    pictures = [one.resize((max(1, round(one.width * HEIGHT / one.height)), HEIGHT)) for one in (left, right)]
    width = sum(one.width for one in pictures) + GAP
    both = Image.new("RGB", (width, HEIGHT), "white")
    both.paste(pictures[0], (0, 0))
    both.paste(pictures[1], (pictures[0].width + GAP, 0))
    pen = ImageDraw.Draw(both)
    starts = left_places * np.array(pictures[0].size)
    ends = right_places * np.array(pictures[1].size) + [pictures[0].width + GAP, 0]
    for number, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        colour = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(number * 0.618 % 1, 0.9, 1.0))
        pen.line([*start, *end], fill=colour, width=1)
        for x, y in (start, end):
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), outline=colour, width=2)
    return both

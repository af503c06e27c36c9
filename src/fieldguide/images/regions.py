"""Cutting a region out of a picture: the same part however it is turned or shrunk, with its background blanked."""

from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.records.regions import Region

if TYPE_CHECKING:
    from PIL import Image

Edges = tuple[float, float, float, float]  # left, top, right and bottom, as shares of the picture, 0 to 1
BLANK = 124, 116, 104  # what is background becomes ImageNet's mean colour, which is nothing to most networks
SAME_SHAPE = 0.02  # a mask's width by height may be off by this share: it was rounded


class RegionError(ValueError):
    """A region that cannot be cut out; the text is the reason, in one line."""


def region_edges(region: Region, width: int, height: int) -> Edges:
    """Give the region's edges in an upright picture of width × height pixels.

    Raises
    ------
    RegionError : its box lies outside.
    """
    try:
        left, top, right, bottom = region.edges(width, height)
    except ValueError as error:
        raise RegionError(str(error)) from None
    return left / width, top / height, right / width, bottom / height


def shortest_of_whole(edges: Edges, size: tuple[int, int], shortest: int) -> int:
    """Give how many pixels the whole picture's shorter side must have for the region's to have `shortest`."""
    left, top, right, bottom = edges
    return ceil(shortest * min(size) / min((right - left) * size[0], (bottom - top) * size[1]))


def turned_back(edges: Edges, turn: "Image.Transpose | None") -> Edges:
    """Give the edges in a picture as it is stored, from those in the upright one that `turn` makes of it."""
    from PIL import Image

    left, top, right, bottom = edges
    turns = Image.Transpose
    if turn in (turns.TRANSPOSE, turns.ROTATE_90, turns.ROTATE_270, turns.TRANSVERSE):
        left, top, right, bottom = top, left, bottom, right
    if turn in (turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.ROTATE_90, turns.TRANSVERSE):
        left, right = 1 - right, 1 - left
    if turn in (turns.FLIP_TOP_BOTTOM, turns.ROTATE_180, turns.ROTATE_270, turns.TRANSVERSE):
        top, bottom = 1 - bottom, 1 - top
    return left, top, right, bottom


def cut(picture: "Image.Image", edges: Edges) -> "Image.Image":
    """Cut out all pixels that the edges touch; one at least."""
    left, top, right, bottom = edges
    width, height = picture.size
    rounding = 1e-6  # of a pixel: whole pixels stay whole, though edges went through shares
    first = min(floor(left * width + rounding), width - 1), min(floor(top * height + rounding), height - 1)
    last = max(ceil(right * width - rounding), first[0] + 1), max(ceil(bottom * height - rounding), first[1] + 1)
    return picture.crop((*first, *last))


def blanked(part: "Image.Image", mask: "Image.Image", whole: tuple[int, int], edges: Edges) -> "Image.Image":
    """Blank the background of a part of a picture.

    Parameters
    ----------
    part : what was cut out
    mask : of the whole picture, in any size of the same shape; background where it is less than half as bright as
        where it is brightest
    whole : width and height of the picture
    edges : of the part

    Raises
    ------
    RegionError : the mask has another shape than the picture, or shows nothing within the edges.
    """
    from PIL import Image

    (width, height), (across, down) = whole, mask.size
    if abs(across * height - down * width) > SAME_SHAPE * down * width and not _rounded(whole, mask.size):
        raise RegionError(f"its mask has {across} × {down} pixels, another shape than the picture's {width} × {height}")
    grey = mask.convert("L")
    least = float(np.asarray(grey).max()) / 2
    shown = cut(grey, edges).resize(part.size, Image.Resampling.NEAREST)
    thing = np.asarray(shown) > least
    if not thing.any():
        raise RegionError("its mask says that all of it is background")
    return Image.composite(part, Image.new("RGB", part.size, BLANK), Image.fromarray(thing))


def _rounded(whole: tuple[int, int], mask: tuple[int, int]) -> bool:
    """Whether a mask is the picture made smaller, its sides rounded to whole pixels."""
    scale = max(mask) / max(whole)
    return all(abs(length * scale - other) <= 1 for length, other in zip(whole, mask, strict=True))

"""The part of a picture that shows the thing: a box around it, and a mask that says what in it is background."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

MARGIN = 0.05  # of the box's width and height, on each side; `benchmarks/boxes.py` compares others


@dataclass(frozen=True)
class Box:
    """A box in a picture as people see it, that is turned upright by its EXIF orientation: COCO's order.

    Attributes
    ----------
    x, y : of its upper left corner, from the picture's
    width, height : of the box, above 0
    shares : whether these are shares of the picture's width and height, 0 to 1, or pixels
    """

    x: float
    y: float
    width: float
    height: float
    shares: bool = False

    @classmethod
    def of(cls, numbers: Sequence[float], *, shares: bool) -> "Box":
        """Make one of x, y, width and height.

        Raises
        ------
        ValueError : it is empty, or a number is none; the text says what it is.
        """
        x, y, width, height = (float(number) for number in numbers)
        if not all(map(isfinite, (x, y, width, height))):
            raise ValueError("has a number that is none")
        if width <= 0 or height <= 0:
            raise ValueError("is empty" if min(width, height) == 0 else "has a negative width or height")
        return cls(x, y, width, height, shares)


@dataclass(frozen=True)
class Region:
    """What of a picture counts.

    Attributes
    ----------
    box : all of the picture without one
    mask : a picture, dark where the other shows background; nothing is background without one
    margin : by how much the box is larger, as a share of its width and height, on each side
    picture : what the table calls the whole picture
    """

    box: Box | None = None
    mask: Path | None = None
    margin: float = MARGIN
    picture: str = field(default="", compare=False)

    @property
    def text(self) -> bytes:
        """What tells the region from others, but for what is in the mask's file."""
        numbers = "" if self.box is None else f"{self.box!r} {self.margin!r}"
        return f"region {numbers} {self.mask is not None}".encode()

    def edges(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Give left, top, right and bottom of the part that counts, in a picture of this many pixels.

        Raises
        ------
        ValueError : no pixel of the box lies in the picture; the text says so.
        """
        if self.box is None:
            return 0.0, 0.0, float(width), float(height)
        box, (across, down) = self.box, (width, height) if self.box.shares else (1, 1)
        left, top = box.x * across, box.y * down
        right, bottom = left + box.width * across, top + box.height * down
        if min(right, width) - max(left, 0) < 1e-6 or min(bottom, height) - max(top, 0) < 1e-6:
            raise ValueError(f"its box {self} lies outside the picture, which has {width} × {height} pixels")
        wider, higher = self.margin * (right - left), self.margin * (bottom - top)
        return max(left - wider, 0), max(top - higher, 0), min(right + wider, width), min(bottom + higher, height)

    def __str__(self) -> str:
        if self.box is None:
            return "the whole picture"
        return ", ".join(f"{number:g}" for number in (self.box.x, self.box.y, self.box.width, self.box.height))

"""Pictures inside figures, and small ones for the page."""

import io
from typing import TYPE_CHECKING, Any

from fieldguide.core.arrays import Anything
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.records.image_table import Source
from fieldguide.report.style import FAINT

if TYPE_CHECKING:
    from PIL import Image

SIDE = 160  # pixels, of a picture in a figure


def picture_axes(figure: Any, lines: int, columns: int, **options: Any) -> Anything:
    """Make axes for pictures, (lines, columns), with captions above and without ticks.

    Titles stand where they always do without ticks. Told so, matplotlib does not place those ticks that nobody sees
    to find it out, which took most of a drawing's time.

    Parameters
    ----------
    figure : or a part of one
    options : of `Figure.subplots`
    """
    import matplotlib

    with matplotlib.rc_context({"axes.titley": 1.0}):
        axes: Anything = figure.subplots(lines, columns, squeeze=False, **options)
    for axis in axes.flat:
        axis.set_axis_off()
    return axes


def draw_picture(axis: Any, source: Source) -> None:
    """Draw a picture on one of `picture_axes`; one that cannot be read is a word."""
    try:
        axis.imshow(small(source, SIDE))
    except UnreadableError:
        axis.text(0.5, 0.5, "unreadable", ha="center", va="center", fontsize=7, color=FAINT, transform=axis.transAxes)


def frame(axis: Any, colour: str) -> None:
    """Frame a picture."""
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, edgecolor=colour, linewidth=3))


def small(source: Source, side: int) -> "Image.Image":
    """Open a picture, its longer side at most `side` pixels.

    Raises
    ------
    UnreadableError : as `open_rgb`.
    """
    picture = open_rgb(source, side)  # a JPEG decoded no larger than it needs to be
    picture.thumbnail((side, side))
    return picture


def thumbnail(source: Source, side: int) -> bytes:
    """Give a picture as a small WebP; nothing for one that cannot be read."""
    try:
        picture = small(source, side)
    except UnreadableError:
        return b""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=55, method=2)
    return file.getvalue()

"""Any picture that Pillow can open, as upright RGB."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


class UnreadableError(Exception):
    """A picture that cannot be read; the text is the reason, in one line."""


def open_rgb(path: Path) -> "Image.Image":
    """Decode a picture to 8-bit RGB, upright by its EXIF orientation, transparency over white.

    Greyscale of 16 or 32 bits keeps its highest 8 of 16; of an animation the first frame is taken.

    Raises
    ------
    UnreadableError : there is no such file, it is no picture, or it breaks off.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            picture.load()
            return _rgb(_upright(picture))
    except FileNotFoundError:
        raise UnreadableError("no such file") from None
    except IsADirectoryError:
        raise UnreadableError("a folder, not a picture") from None
    except UnidentifiedImageError:
        empty = path.stat().st_size == 0
        raise UnreadableError("an empty file" if empty else "not a picture in a known format") from None
    except Exception as error:  # Pillow's decoders raise nearly anything on broken files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableError(reason) from error


def _upright(picture: "Image.Image") -> "Image.Image":
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # broken EXIF: the picture is still good
        return picture


def _rgb(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        return _from_deep_grey(picture).convert("RGB")
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        white.alpha_composite(picture)
        picture = white
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _from_deep_grey(picture: "Image.Image") -> "Image.Image":
    from PIL import Image

    values = np.asarray(picture, dtype=np.float32)
    brightest = float(values.max(initial=0.0))
    # The mode does not say the range; files hold 0..1 (float), 0..255 or 0..65535
    scale = 255.0 if brightest <= 1.0 and picture.mode == "F" else 1.0 if brightest <= 255.0 else 1 / 257
    if picture.mode.startswith("I;16"):
        scale = 1 / 257
    return Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8))

"""What all figures share: the style file, the colours that mean something, and text that matplotlib can set."""

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

STYLE = Path(__file__).with_name("fieldguide.mplstyle")
KNOWN, DISTRACTOR = "#0072b2", "#d55e00"  # blue and vermilion, apart for all kinds of sight, and in grey
INK, FAINT, GREY, PALE = "#222222", "#767676", "#a6a6a6", "#d9d9d9"
CYCLE = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7b5b00", "#4d4d4d"]  # for classes
DARK = {  # the same hues where the background is dark, as light as it takes to be seen there
    "classes": ["#4aa3e0", "#f0884a", "#1fc298", "#e7a3c9", "#f2bf49", "#a9dcff", "#c2a04a", "#e3e6ea"],
    "known": "#56b4e9",
    "distractor": "#f0884a",
}
COLOUR_MAP = "cividis"  # of confidence: the surest is also the lightest


def styled(draw: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that draws, so that all it makes is in the project's style."""

    @wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        import matplotlib.style

        with matplotlib.style.context(STYLE):
            return draw(*args, **kwargs)

    return inside


def shown(text: str, length: int = 24) -> str:
    """Give a label as matplotlib can set it: short, with no mathematics, and boxes for what the font lacks."""
    glyphs = _glyphs()
    text = "".join(letter if ord(letter) in glyphs and letter.isprintable() else "□" for letter in text)
    text = text if len(text) <= length else text[: length - 1] + "…"
    return text.replace("$", r"\$")


def percent(share: float) -> str:
    """Give a share in words as short as can be: `97%`, and `<1%` for what is not quite nothing."""
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())

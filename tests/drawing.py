"""Pictures that the tests draw themselves: seven kinds of pattern, each a class that no other is mistaken for."""

from collections.abc import Callable

import numpy as np
from PIL import Image

SIDE = 96
Y, X = np.mgrid[0:SIDE, 0:SIDE] / SIDE
TURN = 2 * np.pi

# From a phase, 0 to 1, to brightness, -1 to 1
PATTERNS: dict[str, Callable[[float], np.ndarray]] = {
    "stripes": lambda phase: np.sin(TURN * (8 * X + phase)),
    "rings": lambda phase: np.sin(TURN * (9 * np.hypot(X - 0.5 + 0.1 * np.sin(phase), Y - 0.5) + phase)),
    "checks": lambda phase: np.sign(np.sin(TURN * (4 * X + phase)) * np.sin(TURN * (4 * Y + phase))),
    "dots": lambda phase: np.where(np.hypot((X * 5 + phase) % 1 - 0.5, (Y * 5 + phase) % 1 - 0.5) < 0.28, 1, -1),
    "blob": lambda phase: np.where(np.hypot(X - 0.5 - 0.05 * np.sin(6 * phase), Y - 0.5) < 0.33, 1, -1),
    "noise": lambda phase: np.random.default_rng(int(phase * 1000)).normal(size=X.shape),
    "slope": lambda phase: X + Y - 1 + 0.3 * phase,
}
COLOURS = {
    "stripes": ((200, 30, 30), (255, 240, 200)),
    "rings": ((20, 40, 160), (200, 230, 255)),
    "checks": ((10, 10, 10), (245, 245, 245)),
    "dots": ((30, 130, 40), (250, 230, 60)),
    "blob": ((120, 40, 140), (255, 170, 60)),
    "noise": ((60, 60, 60), (190, 190, 190)),
    "slope": ((90, 50, 20), (60, 200, 220)),
}
KINDS = list(PATTERNS)
KNOWN = ["stripes", "rings", "checks", "dots"]  # the classes of the task in conftest.py
FOREIGN = ["blob", "noise", "slope"]  # its distractors


def draw(kind: str, seed: int = 0) -> Image.Image:
    """Draw a picture of a kind; another seed shifts the pattern and its grain."""
    rng = np.random.default_rng(seed)
    mix = np.clip(PATTERNS[kind](rng.random()) / 2 + 0.5, 0, 1)[..., None]
    dark, light = (np.array(colour) for colour in COLOURS[kind])
    pixels = dark + (light - dark) * mix + rng.normal(0, 6, (SIDE, SIDE, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))

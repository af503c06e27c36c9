"""Embeddings drawn from mixtures whose truth is known: no pictures, any difficulty.

A class is a mean in a space of few dimensions, and its pictures scatter about it. That space lies, turned at random, in
one as wide as a backbone's embeddings.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WIDTH = 1280
CROWD = 130  # pictures of the first class, which can have many more shots than the others


@dataclass(frozen=True)
class Mixture:
    """How classes lie.

    Attributes
    ----------
    between : standard deviation of class means over that within classes; 0 where nothing can be told
    intrinsic : dimensions in which classes differ
    tails : degrees of freedom of Student's t within classes; None for a Gaussian
    positive : whether what is below a threshold becomes 0, as after a ReLU
    shift : of queries against shots, in standard deviations within classes, along a random direction for all
        and, half as far, along one for each of four styles
    unequal : standard deviation of the log of a class's scatter
    """

    between: float
    intrinsic: int = 48
    tails: float | None = None
    positive: bool = False
    shift: float = 0.0
    unequal: float = 0.0
    classes: int = 150
    pictures: int = 16
    seed: int = 0

    def draw(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Callable[[np.ndarray, int], np.ndarray]]:
        """Give what a `LabelledSet` holds."""
        rng = np.random.default_rng([self.seed, self.intrinsic, round(100 * self.between)])
        codes = np.concatenate([np.zeros(CROWD, int), np.repeat(np.arange(1, self.classes), self.pictures)])
        means = self.between * rng.standard_normal((self.classes, self.intrinsic))
        scatter = np.exp(self.unequal * rng.standard_normal(self.classes))[codes, None]
        within = rng.standard_normal((len(codes), self.intrinsic))
        if self.tails is not None:
            within = within * np.sqrt(self.tails / rng.chisquare(self.tails, (len(codes), 1)))
        latent = means[codes] + scatter * within
        side = np.zeros(len(codes), int)
        group = np.full(len(codes), "", dtype="<U8")
        if self.shift:
            asked = rng.random(len(codes)) < 0.5
            side = np.where(asked, 2, 1)
            style = rng.integers(0, 4, len(codes))
            ways = rng.standard_normal((5, self.intrinsic))
            latent = latent + self.shift * (asked[:, None] * ways[4] + 0.5 * ways[style])
        turn = rng.standard_normal((self.intrinsic, WIDTH)) / np.sqrt(self.intrinsic)
        matrix = latent @ turn + 0.1 * rng.standard_normal((len(codes), WIDTH))
        if self.positive:
            matrix = np.maximum(matrix - rng.normal(0.5, 0.5, WIDTH), 0)
        else:
            matrix = matrix + rng.standard_normal(WIDTH)
        matrix = matrix.astype(np.float32)
        spread = float(np.std(matrix - matrix.mean(axis=0)))

        def near(rows: np.ndarray, n: int) -> np.ndarray:
            noise = np.random.default_rng(self.seed).standard_normal((n, len(rows), WIDTH))
            return (matrix[rows] + 0.15 * spread * noise).astype(np.float32)

        return matrix, np.char.add("class-", codes.astype(str)), group, side, near


# Every second one is held back: neighbours are alike
MIXTURES = {
    "mix-hopeless": Mixture(0.05, seed=1),
    "mix-hopeless-relu": Mixture(0.05, positive=True, seed=2),
    "mix-hard": Mixture(0.4, seed=3),
    "mix-hard-relu": Mixture(0.4, positive=True, seed=4),
    "mix-middling": Mixture(0.7, seed=5),
    "mix-middling-relu": Mixture(0.7, positive=True, seed=6),
    "mix-good": Mixture(1.1, seed=7),
    "mix-good-relu": Mixture(1.1, positive=True, seed=8),
    "mix-easy": Mixture(2.0, seed=9),
    "mix-easy-relu": Mixture(2.0, positive=True, seed=10),
    "mix-flat-hard": Mixture(1.2, intrinsic=6, seed=11),
    "mix-flat-middling": Mixture(2.2, intrinsic=6, seed=12),
    "mix-wide-middling": Mixture(0.35, intrinsic=300, positive=True, seed=13),
    "mix-wide-good": Mixture(0.5, intrinsic=300, seed=14),
    "mix-tails": Mixture(1.0, tails=3, positive=True, seed=15),
    "mix-tails-hard": Mixture(0.6, tails=3, seed=16),
    "mix-shift": Mixture(1.0, shift=1.0, positive=True, seed=17),
    "mix-shift-far": Mixture(1.0, shift=2.0, seed=18),
    "mix-unequal": Mixture(1.0, unequal=0.6, positive=True, seed=19),
    "mix-unequal-hard": Mixture(0.6, unequal=0.6, seed=20),
    "mix-few": Mixture(1.0, classes=14, pictures=40, positive=True, seed=21),
    "mix-few-hard": Mixture(0.5, classes=14, pictures=40, seed=22),
}

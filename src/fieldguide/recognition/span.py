"""The span of rows: wide embeddings in as many numbers as there are rows, so that no step is cubic in their width."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.linalg import solve_triangular

from fieldguide.core.arrays import Floats
from fieldguide.recognition.neighbours import blocks

WIDEST = 2048  # numbers a row, at most: whitening takes seconds there, and its time grows with the cube
SKETCHED = 2048  # directions kept of more rows that are wider still; half of them cost 0.008 mAP@5 on emoji
RELATIVE_JITTER = 1e-6  # of the mean squared length: directions that short hold nothing but rounding errors


@dataclass(frozen=True)
class Span:
    """Orthonormal directions that rows span; of more rows than `WIDEST`, `SKETCHED` that hold most of what they do.

    Attributes
    ----------
    basis : (dim, n_directions) float32; directions with hardly any of the rows in them have a length below 1

    Sources: QR by the Cholesky factor of the Gram matrix, Golub & Van Loan, section 5.2; of many rows, sums of random
    groups with random signs span nearly what the rows do: Clarkson & Woodruff, STOC 2013.
    """

    basis: Floats

    @classmethod
    def of(cls, parts: Iterable[Floats], n_rows: int, seed: int) -> Self:
        """Find the span of `n_rows` rows that come in parts, each (n, dim).

        Of up to `WIDEST` rows they hold all: lengths and angles stay what they are. All rows of more than that are
        treated alike, whether gallery or query, as one that lay nearer to the span would seem more similar to others.
        """
        rng = np.random.default_rng(seed)
        spanning = np.zeros((0, 0), np.float32)
        start = 0
        for part in parts:
            if not len(spanning):
                spanning = np.zeros((n_rows if n_rows <= WIDEST else SKETCHED, part.shape[1]), np.float32)
            if n_rows <= WIDEST:
                spanning[start : start + len(part)] = part
            else:
                signed = part * rng.choice(np.array([-1, 1], np.float32), (len(part), 1))
                np.add.at(spanning, rng.integers(0, SKETCHED, len(part)), signed)
            start += len(part)
        return cls(_orthonormal(spanning))

    def coordinates(self, rows: Floats) -> Floats:
        """Give the coordinates of rows (n, dim) along the directions, (n, n_directions)."""
        found: Floats = rows @ self.basis
        return found


def is_wide(n_rows: int, dim: int) -> bool:
    """Say whether the span of so many rows has fewer directions than they have numbers, or they have too many."""
    return dim > min(n_rows, WIDEST)


def _orthonormal(rows: Floats) -> Floats:
    """Give orthonormal columns, (dim, n), that span rows (n, dim); rows may repeat, or depend on each other."""
    gram = np.zeros((len(rows),) * 2)
    for columns in blocks(rows.shape[1], 2 * len(rows)):  # in float64: the smallest of its eigenvalues matter
        part = rows[:, columns].astype(np.float64)
        gram += part @ part.T
    jitter = RELATIVE_JITTER * float(np.trace(gram)) / len(gram)
    if not jitter > 0:
        return np.zeros((rows.shape[1], 1), np.float32)
    gram.flat[:: len(gram) + 1] += jitter
    lower = np.linalg.cholesky(gram).astype(np.float32)
    return np.ascontiguousarray(solve_triangular(lower, rows, lower=True, check_finite=False).T)

"""Whether an embedding is collapsing, seen without labels."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Floats
from fieldguide.recognition.neighbours import unit_rows

MAX_ROWS = 1000  # rows; more say the same
MIN_RANK_SHARE = 0.5  # share of the effective rank at the start
MAX_UNIFORMITY_RISE = 1.0  # above that at the start; 4 is the whole range


@dataclass(frozen=True)
class Spread:
    """How much room embeddings take.

    Attributes
    ----------
    effective_rank : 1 for a line, dim for a ball; O. Roy, M. Vetterli, The effective rank, EUSIPCO 2007
    uniformity : about -4 over the whole sphere, 0 at one point; T. Wang, P. Isola, ICML 2020
    """

    effective_rank: float
    uniformity: float

    @classmethod
    def of(cls, rows: Floats) -> "Spread":
        """Measure rows (n, dim); of many, every so many. What is not finite has collapsed."""
        if not np.isfinite(rows).all():
            return cls(1.0, 0.0)  # no room at all
        unit = unit_rows(rows[:: max(1, len(rows) // MAX_ROWS)][:MAX_ROWS])
        energy = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False)
        share = energy / max(energy.sum(), 1e-12)
        rank = float(np.exp(-(share * np.log(np.maximum(share, 1e-12))).sum())) if energy.sum() > 1e-6 else 1.0
        apart = ~np.eye(len(unit), dtype=bool)
        near = np.exp(-2 * (2 - 2 * unit @ unit.T))[apart]
        return cls(rank, float(np.log(near.mean())) if near.size else 0.0)

    def collapsed_since(self, start: "Spread") -> bool:
        """Whether so much room is lost since the start that training should stop."""
        shrunk = self.effective_rank < MIN_RANK_SHARE * start.effective_rank
        return shrunk or self.uniformity > start.uniformity + MAX_UNIFORMITY_RISE

"""What match scores add to the evidence: edges between pictures, and how much each raises the log odds of one class."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.same_class import SameClass, cosines


@dataclass(frozen=True, eq=False)
class MatchLinks:
    """Links between n pictures that have a match score.

    Attributes
    ----------
    edges : (n, n) float32 CSR, symmetric: by how much the match raises the probability of one class
    lifts : (n, n) float32 CSR, symmetric: by how much it raises the log odds; None if edges alone are to be used
    """

    edges: Any
    lifts: Any = None

    @classmethod
    def of(cls, pictures: CentredRows, scores: Any, model: SameClass, *, evidence: bool) -> "MatchLinks":
        """Make the links of pictures from their match scores, (n, n) CSR, symmetric."""
        pairs = scores.tocoo()
        raised = model.raised(cosines(pictures, pairs.row, pairs.col), pairs.data)
        edges = sparse.csr_matrix((raised, (pairs.row, pairs.col)), scores.shape)
        if not evidence:
            return cls(edges)
        return cls(edges, sparse.csr_matrix((model.lift(pairs.data), (pairs.row, pairs.col)), scores.shape))

    def of_rows(self, rows: Ints) -> "MatchLinks":
        """Give the links among some of the pictures, in this order."""
        return MatchLinks(self.edges[rows][:, rows], None if self.lifts is None else self.lifts[rows][:, rows])

    def best_lift(self, codes: Ints, candidates: Ints) -> Floats | None:
        """Give the highest lift of a shot of each candidate, (m, k); 0 where none has a match.

        Parameters
        ----------
        codes : (n_shots,) classes of the gallery's pictures, which are the first rows
        candidates : (m, k) classes that each of the other pictures may be of, -1 where there is none
        """
        if self.lifts is None:
            return None
        n = len(codes)
        lifts = self.lifts[n:, :n].tocoo()
        best = _largest(lifts.row, codes[lifts.col], lifts.data, (len(candidates), int(codes.max()) + 1))
        rows = np.repeat(np.arange(len(candidates)), candidates.shape[1])
        found = np.asarray(best[rows, np.maximum(candidates, 0).ravel()], np.float32).reshape(candidates.shape)
        return np.where(candidates < 0, np.float32(0), found)


def _largest(row: Ints, column: Ints, value: Anything, shape: tuple[int, int]) -> Any:
    """Make a CSR matrix in which the largest of several values in one place counts."""
    order = np.lexsort((-value, column, row))
    row, column, value = row[order], column[order], value[order]
    first = np.ones(len(row), bool)
    first[1:] = (row[1:] != row[:-1]) | (column[1:] != column[:-1])
    return sparse.csr_matrix((value[first], (row[first], column[first])), shape)

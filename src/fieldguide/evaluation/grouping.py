"""How well groups agree with true classes, for queries that each have a weight, so that a bootstrap can give others.

What is answered of a query is a group too: its class if it is named, its new class if it is in one, or it is alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from fieldguide.core.arrays import Anything, Flags, Ints


@dataclass(frozen=True)
class Agreement:
    """True classes beside groups, of n queries.

    Attributes
    ----------
    true, found : (n,) codes from 0
    """

    true: Ints
    found: Ints

    @cached_property
    def _cells(self) -> tuple[Ints, Ints, Ints]:
        """Which class and which group each cell of the table is of that holds a query, and the cell of each query."""
        width = int(self.found.max(initial=-1)) + 1
        cells, cell = np.unique(self.true * width + self.found, return_inverse=True)
        return cells // max(width, 1), cells % max(width, 1), cell

    @cached_property
    def matched(self) -> Flags:
        """(n,) whether a query is in the group that stands for its class, under the best one-to-one assignment.

        Source: clustering accuracy as in Vaze et al., Generalized category discovery, CVPR 2022; H. W. Kuhn's Hungarian
        method, 1955.
        """
        rows, columns, cell = self._cells
        if not len(rows):
            return np.zeros(0, bool)
        classes, row = np.unique(rows, return_inverse=True)
        groups, column = np.unique(columns, return_inverse=True)
        table = sparse.csr_matrix((np.bincount(cell), (row, column))).toarray()
        one, other = linear_sum_assignment(-table)
        group_of = np.full(classes[-1] + 1, -1)
        group_of[classes[one]] = groups[other]
        return np.asarray(group_of[self.true] == self.found)

    def _pairs(self, weight: Anything) -> tuple[float, float, float, float]:
        """Weigh the pairs of one class and one group, one class, one group, and all; none of a query with itself."""
        rows, columns, cell = self._cells
        square = weight**2

        def within(part: Ints) -> float:
            return float((np.bincount(part, weight) ** 2 - np.bincount(part, square)).sum() / 2)

        every = float((weight.sum() ** 2 - square.sum()) / 2)
        return within(cell), within(rows[cell]), within(columns[cell]), every

    def adjusted_rand_index(self, weight: Anything) -> float:
        """Give the share of pairs that are told rightly, 0 where it is that of chance (Hubert & Arabie, 1985)."""
        both, of_class, of_group, every = self._pairs(weight)
        if not weight.sum():
            return float("nan")
        expected = of_class * of_group / every if every else 0.0
        most = (of_class + of_group) / 2
        return 1.0 if most == expected else (both - expected) / (most - expected)

    def pair_precision(self, weight: Anything) -> float:
        """Give the share of the pairs in one group that are of one class; NaN where no group has two."""
        both, _, of_group, _ = self._pairs(weight)
        return both / of_group if of_group else float("nan")

    def pair_recall(self, weight: Anything) -> float:
        """Give the share of the pairs of one class that are in one group; NaN where no class has two."""
        both, of_class, _, _ = self._pairs(weight)
        return both / of_class if of_class else float("nan")

    def normalized_mutual_information(self, weight: Anything) -> float:
        """Give the mutual information over the mean of both entropies, 0 to 1, as scikit-learn has it."""
        if not weight.sum():
            return float("nan")
        rows, columns, cell = self._cells
        joint = np.bincount(cell, weight) / weight.sum()
        of_class, of_group = np.bincount(rows, joint), np.bincount(columns, joint)
        entropies = [-float(some @ np.log(np.where(some > 0, some, 1))) for some in (of_class, of_group)]
        if not any(entropies):
            return 1.0
        chance = of_class[rows] * of_group[columns]
        information = float(joint @ np.log(np.where(joint > 0, joint / np.where(joint > 0, chance, 1), 1)))
        return max(0.0, information) / (sum(entropies) / 2)

    def clicks(self, named: Flags) -> Anything:
        """(n,) what each query costs until all labels are right: a click for a wrong name, a group's name, a picture.

        A group is named by its majority, which costs its members a click together; each of the others costs one more.

        Parameters
        ----------
        named : (n,) whether a query has the name of a known class, which is right where the codes are the same
        """
        _, columns, cell = self._cells
        in_cell = np.bincount(cell, ~named, minlength=len(columns))
        size = np.bincount(columns, in_cell)
        order = np.lexsort([in_cell, columns])
        majority = np.zeros(len(columns), bool)
        majority[order[np.append(columns[order][1:] != columns[order][:-1], True)]] = True
        shared = 1 / np.maximum(size[columns], 1) + ~majority
        return np.where(named, self.true != self.found, shared[cell])


def balanced_share(hit: Flags, classes: Ints, among: Flags, weight: Anything) -> float:
    """Average over classes the share of their queries that are hit; NaN where there is none.

    Parameters
    ----------
    hit : (n,) which queries count
    classes : (n,) codes
    among : (n,) the queries that are looked at

    Source: balanced accuracy on known samples (BAKS) and on unknown samples (BAUS), AnimalCLEF 2025.
    """
    whole = np.bincount(classes, weight * among)
    part = np.bincount(classes, weight * (among & hit))
    there = whole > 0
    return float((part[there] / whole[there]).mean()) if there.any() else float("nan")

"""How sure it is of which class a known query is: as sure as hidden shots are rightly answered, query by query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, softmax

from fieldguide.core.arrays import Anything, Flags

# Where few hidden shots teach: the logarithm of the scale of scores, how it grows with the query's clearness, the log
# odds that the class is among the candidates, and how these grow
USUAL = np.array([-0.3, 0.0, 1.0, 0.0])
SPREAD = np.array([1.5, 0.5, 2.0, 1.0])  # standard deviations of these from set to set
BOUNDS = [(-4.0, 2.0), (-1.5, 1.5), (-5.0, 8.0), (-3.0, 3.0)]
CLEARNESS_USED = 3.0  # standard deviations of it; of queries beyond, no hidden shot can speak


@dataclass(frozen=True)
class Example:
    """Hidden shots of one episode.

    Attributes
    ----------
    scores : (n, k) how well each candidate fits, -inf where there is none
    right : (n, k) which of the candidates is the class; none where it is not among them
    """

    scores: Anything
    right: Flags


@dataclass(frozen=True)
class ClassProbability:
    """Scores of candidates to probabilities, given that the query is of a known class.

    A softmax whose scale depends on how clear a query is, times the probability that its class is among the
    candidates at all; that depends on it too. The rest belongs to the classes that are no candidates.

    Attributes
    ----------
    weights : (4,) as in `USUAL`
    centre, spread : of the clearness of hidden shots

    Source: temperature scaling, Guo et al., On calibration of modern neural networks, ICML 2017.
    """

    weights: Anything
    centre: float = 0.0
    spread: float = 1.0

    @classmethod
    def fit(cls, examples: Sequence[Example], clearness: Anything, weight: Anything, effective: float) -> Self:
        """Find the likeliest weights.

        Parameters
        ----------
        examples : hidden shots, n in all
        clearness : (n,) log odds that each is known
        weight : (n,) how much each counts
        effective : how many hidden shots of different classes they are worth; the fewer, the closer to `USUAL`
        """
        width = max(one.scores.shape[1] for one in examples)
        scores = np.concatenate([_padded(one.scores, width, -np.inf) for one in examples])
        right = np.concatenate([_padded(one.right, width, False) for one in examples])
        found = right.any(axis=1)
        centre, spread = float(np.average(clearness, weights=weight)), float(clearness.std())
        weight = weight / weight.sum()
        start = cls(USUAL, centre, spread or 1.0)

        def loss(weights: Anything) -> float:
            among, given = cls(weights, centre, spread or 1.0)._parts(scores, clearness)
            likelihood = np.where(found, among * (given * right).sum(axis=1), 1 - among)
            penalty = (((weights - USUAL) / SPREAD) ** 2).sum() / 2 / effective
            return float(-weight @ np.log(likelihood + 1e-6) + penalty)

        weights = minimize(loss, start.weights, method="L-BFGS-B", bounds=BOUNDS).x
        return cls(weights, centre, spread or 1.0)

    def __call__(self, scores: Anything, clearness: Anything, scale: float = 1.0) -> Anything:
        """Give the probability of each candidate, (n, k); what rows lack of 1 is that of other classes.

        Parameters
        ----------
        scores : (n, k), -inf where there is none
        clearness : (n,) log odds that each query is known
        scale : multiplies all scores
        """
        among, given = self._parts(scores * scale, clearness)
        return among[:, None] * given

    def _parts(self, scores: Anything, clearness: Anything) -> tuple[Anything, Anything]:
        clear = np.clip((clearness - self.centre) / self.spread, -CLEARNESS_USED, CLEARNESS_USED)
        scale, slope, offset, growth = self.weights
        return expit(offset + growth * clear), softmax(scores * np.exp(scale + slope * clear)[:, None], axis=1)


def _padded(values: Anything, width: int, filler: float) -> Anything:
    return np.pad(values, ((0, 0), (0, width - values.shape[1])), constant_values=filler)

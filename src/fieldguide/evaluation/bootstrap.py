"""A figure with its interval, by B. Efron's bootstrap: queries are drawn again and again, which gives each a weight."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fieldguide.core.arrays import Anything, Flags


class Count(NamedTuple):
    """How many queries a share is of: `n` of `total`, which are `what`."""

    n: int
    total: int
    what: str

    def __str__(self) -> str:
        return f"{self.n:,} of {self.total:,} {self.what}"


@dataclass(frozen=True)
class Score:
    """A figure with its 95% interval; NaN where the queries allow none.

    Attributes
    ----------
    name : what was counted
    value : 0 to 1
    low, high : the interval
    count : the queries behind it, where it is a share of names, of known queries or of distractors; the clicks
    """

    name: str
    value: float
    low: float
    high: float
    count: Count | None = None

    def __str__(self) -> str:
        figures = f"{self.name:<20} {self.value:.4f}   [{self.low:.4f}, {self.high:.4f}]"
        return figures if self.count is None else f"{figures}   {self.count}"


def bootstrap(
    counted: Mapping[str, Callable[[Anything], float]],
    n: int,
    counts: Mapping[str, Count] | None = None,
    *,
    resamples: int,
    seed: int,
) -> list[Score]:
    """Give each figure with its 95% interval.

    Parameters
    ----------
    counted : by name, what gives a figure from the weights of the queries, (n,)
    counts : by name, the queries behind a figure
    """
    rng = np.random.default_rng(seed)
    samples: dict[str, list[float]] = {name: [] for name in counted}
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        for name, statistic in counted.items():
            samples[name].append(statistic(weight))
    counts = counts or {}
    return [_score(name, statistic(np.ones(n)), samples[name], counts.get(name)) for name, statistic in counted.items()]


def mean(points: Anything, weight: Anything) -> float:
    """Average the points (n,) by weight; NaN where there is none."""
    total = weight.sum()
    return float(points @ weight / total) if total else float("nan")


def share(hit: Flags, among: Flags, weight: Anything) -> float:
    """Give the share of the queries `among` which `hit` holds, by weight; NaN where there is none."""
    return mean(hit.astype(float), weight * among)


def _score(name: str, value: float, samples: Sequence[float], count: Count | None) -> Score:
    drawn = np.array(samples)
    drawn = drawn[~np.isnan(drawn)]  # a resample may hold queries of one kind only
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Score(name, value, float(low), float(high), count)

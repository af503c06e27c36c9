"""The scores of a set of answers, each with a bootstrap interval."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fieldguide.arrays import Anything, Floats
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks


@dataclass(frozen=True)
class Score:
    """A figure with its 95% interval; NaN where the queries allow none.

    Attributes
    ----------
    name : what was counted
    value : 0 to 1
    low, high : the interval
    """

    name: str
    value: float
    low: float
    high: float


def evaluate(
    answers: Sequence[Sequence[str]],
    truth: Sequence[str],
    *,
    distractor_score: Floats | None = None,
    unknown: str = "-1",
    k: int = 5,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Score]:
    """Score answers against the truth.

    Parameters
    ----------
    answers : (n,) labels of each query, best first
    truth : (n,) true labels, `unknown` for distractors
    distractor_score : (n,) higher for likelier distractors; without it there is no AUROC and no FPR
    unknown : the unknown label
    k : how many answers count
    resamples, seed : of the bootstrap

    Returns
    -------
    mAP@k over all queries, over the known ones and over the distractors, top-1 accuracy, and with
    `distractor_score` AUROC and FPR at 95% TPR of known against distractor.

    Source of the interval: percentiles of B. Efron's bootstrap, 1979, resampling queries.
    """
    points = reciprocal_ranks(answers, truth, k)
    distractor = np.array([label == unknown for label in truth], bool)
    counted: dict[str, Callable[[Anything], float]] = {
        f"mAP@{k}": partial(_mean, points),
        f"mAP@{k}, known": lambda weight: _mean(points, weight * ~distractor),
        f"mAP@{k}, distractors": lambda weight: _mean(points, weight * distractor),
        "top-1": partial(_mean, (points == 1).astype(float)),
    }
    if distractor_score is not None:
        separation = Separation(distractor, distractor_score)
        counted["AUROC"] = separation.auroc
        counted["FPR at 95% TPR"] = separation.fpr_at_95_tpr

    rng = np.random.default_rng(seed)
    n = len(truth)
    samples: dict[str, list[float]] = {name: [] for name in counted}
    for _ in range(resamples):
        weight = np.bincount(rng.integers(0, n, n), minlength=n).astype(float)
        for name, statistic in counted.items():
            samples[name].append(statistic(weight))
    return [_score(name, statistic(np.ones(n)), samples[name]) for name, statistic in counted.items()]


def _mean(points: Anything, weight: Anything) -> float:
    total = weight.sum()
    return float(points @ weight / total) if total else float("nan")


def _score(name: str, value: float, samples: Sequence[float]) -> Score:
    drawn = np.array(samples)
    drawn = drawn[~np.isnan(drawn)]  # a resample may hold queries of one kind only
    low, high = np.quantile(drawn, [0.025, 0.975]) if len(drawn) else (np.nan, np.nan)
    return Score(name, value, float(low), float(high))

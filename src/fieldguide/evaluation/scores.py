"""The scores of a set of answers, each with a bootstrap interval."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from fieldguide.core.arrays import Anything, Flags, Floats
from fieldguide.evaluation.inputs import as_answers, as_labels, check_numbers, read_ranking
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks
from fieldguide.evaluation.truth import resolve_labels
from fieldguide.recognition.ranking import Ranking
from fieldguide.records.text import normal_form, normal_forms


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
    answers: Ranking | Sequence[Sequence[str]],
    truth: Sequence[str] | Mapping[str, str],
    *,
    distractor_score: Floats | None = None,
    unknown: str | None = None,
    known_classes: Iterable[str] | None = None,
    k: int = 5,
    resamples: int = 1000,
    seed: int = 0,
) -> list[Score]:
    """Score answers against the truth.

    Parameters
    ----------
    answers : (n,) labels of each query, best first; or a ranking, which has distractor scores, the unknown label and
        the known classes as well
    truth : (n,) true labels, `unknown` for distractors; of a ranking also by the query's name
    distractor_score : (n,) higher for likelier distractors; without it there is no AUROC and no FPR
    unknown : the unknown label; `-1` unless given or the ranking's
    known_classes : the labels of the gallery, so that every other true label is a distractor's; unless given every
        true label but `unknown` is taken for one of them
    k : how many answers count
    resamples, seed : of the bootstrap

    Returns
    -------
    mAP@k over all queries, over the known ones and over the distractors, top-1 accuracy, and with
    `distractor_score` AUROC and FPR at 95% TPR of known against distractor. Labels are compared in their normal form.

    Raises
    ------
    AnswersError : there is nothing to score, not one true label for each answer, or a number that cannot be.
    TypeError : something else than labels was given.

    Source of the interval: percentiles of B. Efron's bootstrap, 1979, resampling queries.
    """
    if isinstance(answers, Ranking):
        unknown = answers.unknown if unknown is None else unknown
        known_classes = answers.classes if known_classes is None else known_classes
        given, labels, distractor_score = read_ranking(answers, truth, distractor_score)
    else:
        given, labels = as_answers(answers), as_labels(truth, "truth")
    check_numbers(len(given), len(labels), distractor_score, k, resamples, seed)
    none = normal_form("-1" if unknown is None else str(unknown))
    true = resolve_labels(labels, None if known_classes is None else normal_forms(map(str, known_classes)), none)
    form = {label: normal_form(label) for one in given for label in one}
    points = reciprocal_ranks([list(dict.fromkeys(form[label] for label in one)) for one in given], true, k)
    return _score_points(
        points, np.array([label == none for label in true], bool), distractor_score, k, resamples, seed
    )


def _score_points(
    points: Anything, distractor: Flags, distractor_score: Floats | None, k: int, resamples: int, seed: int
) -> list[Score]:
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
    n = len(points)
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

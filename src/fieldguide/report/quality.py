"""How good the answers are, with the truth: by rank, by probability, and known against distractor."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Anything, Ints
from fieldguide.evaluation.metrics import Separation
from fieldguide.recognition import NOTHING, UNKNOWN, Ranking
from fieldguide.report.data import confidence, true_codes
from fieldguide.report.style import DISTRACTOR, FAINT, INK, KNOWN, PALE, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BINS = 10


@styled
def draw_score_by_rank(ranking: Ranking, truth: Mapping[str, str]) -> "Figure":
    """Draw the share of queries whose true label stands at each rank or before it, known queries and distractors."""
    figure, axis = _chart("Right by rank", "rank", "true label at this rank or before")
    true = true_codes(ranking, truth)
    k = ranking.codes.shape[1]
    hits = np.cumsum(ranking.codes == true[:, None], axis=1) > 0
    for kind, rows, colour in (
        ("all queries", true != NOTHING, INK),
        ("known", true >= 0, KNOWN),
        ("none of these", true == UNKNOWN, DISTRACTOR),
    ):
        if rows.any():
            axis.plot(np.arange(1, k + 1), hits[rows].mean(axis=0), "o-", color=colour, label=kind, markersize=3)
    axis.set(xticks=range(1, k + 1), ylim=(0, 1.02))
    axis.legend(loc="lower right")
    return figure


@styled
def draw_reliability(ranking: Ranking, truth: Mapping[str, str]) -> "Figure":
    """Draw how often first answers are right against how probable they were claimed to be.

    Bars of a tenth each, as wide as they are, with their 95% interval (Wilson's); the figure below says how many
    queries each holds. The expected calibration error is that of Naeini et al., AAAI 2015.
    """
    from matplotlib.figure import Figure

    true = true_codes(ranking, truth)
    rows = true != NOTHING
    sure, right = confidence(ranking)[rows], (ranking.codes[:, 0] == true)[rows]
    place = np.clip((np.nan_to_num(sure) * BINS).astype(int), 0, BINS - 1)
    count = np.bincount(place, minlength=BINS)
    there = np.flatnonzero(count)
    claimed = np.bincount(place, weights=np.nan_to_num(sure), minlength=BINS)[there] / count[there]
    share = np.bincount(place, weights=right, minlength=BINS)[there] / count[there]
    error = float((np.abs(claimed - share) * count[there]).sum() / max(count.sum(), 1))
    figure = Figure(figsize=(3.4, 3.8), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [4, 1]})
    top.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle="--", label="as sure as right")
    low, high = _wilson(share, count[there])
    top.errorbar(claimed, share, yerr=[share - low, high - share], fmt="o", color=KNOWN, markersize=4, elinewidth=1)
    top.set(title=f"Reliability: calibration error {error:.3f}", ylabel="of these answered rightly")
    top.set(xlim=(0, 1), ylim=(0, 1.02))
    top.legend(loc="upper left")
    bottom.bar((there + 0.5) / BINS, count[there], width=0.9 / BINS, color=KNOWN)
    bottom.set(xlabel="probability of the first answer", ylabel="queries")
    return figure


@styled
def draw_roc(ranking: Ranking, truth: Mapping[str, str]) -> "Figure":
    """Draw the ROC of known queries against distractors: known ones are the positives."""
    figure, axis = _chart("ROC", "none of these taken for known", "known queries taken for known")
    score, _, distractor = _separated(ranking, truth)
    accepted = np.argsort(score, kind="stable")
    ends = _ends(score[accepted])
    known, wrong = (np.append(0, _share(kind[accepted])[ends]) for kind in (~distractor, distractor))
    auroc = Separation(distractor, score).auroc(np.ones(len(score)))
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8, linestyle="--", label="by chance")
    axis.plot(wrong, known, color=KNOWN, label=f"AUROC {auroc:.3f}")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    axis.legend(loc="lower right")
    return figure


@styled
def draw_oscr(ranking: Ranking, truth: Mapping[str, str]) -> "Figure":
    """Draw the share of known queries accepted and rightly named, against distractors accepted.

    Source: the open-set classification rate of Dhamija, Günther & Boult, Reducing network agnostophobia, NeurIPS 2018.
    """
    figure, axis = _chart(
        "Open-set classification rate", "none of these taken for known", "known queries named rightly"
    )
    score, right, distractor = _separated(ranking, truth)
    accepted = np.argsort(score, kind="stable")
    ends = _ends(score[accepted])
    named = np.append(0, (np.cumsum(right[accepted]) / max((~distractor).sum(), 1))[ends])
    wrong = np.append(0, _share(distractor[accepted])[ends])
    area = float(np.trapezoid(named, wrong))
    axis.plot(wrong, named, color=KNOWN, label=f"area {area:.3f}")
    axis.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
    axis.legend(loc="lower right")
    return figure


def _separated(ranking: Ranking, truth: Mapping[str, str]) -> tuple[Anything, Anything, Anything]:
    """Of the queries with a true label: distractor score, whether the likeliest class is right, whether distractor."""
    true = true_codes(ranking, truth)
    rows = true != NOTHING
    first = ranking.codes[:, 0]
    second = ranking.codes[:, min(1, ranking.codes.shape[1] - 1)]
    best = np.where(first == UNKNOWN, second, first)
    return ranking.distractor_score[rows], ((best == true) & (true >= 0))[rows], (true == UNKNOWN)[rows]


def _ends(ordered: Anything) -> Ints:
    """Give the last place of each run of equal values: equal scores are accepted together."""
    last: Ints = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], [True] * min(1, len(ordered))))
    return last


def _share(flags: Anything) -> Anything:
    return np.asarray(np.cumsum(flags) / max(flags.sum(), 1))


def _wilson(share: Anything, n: Anything) -> tuple[Anything, Anything]:
    """Bound shares of n by E. B. Wilson's 95% interval, 1927."""
    z = 1.96
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return np.minimum(middle - half, share), np.maximum(middle + half, share)


def _chart(title: str, x: str, y: str) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.4, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.set(title=title, xlabel=x, ylabel=y)
    axis.grid(color=PALE, linewidth=0.4)
    axis.set_axisbelow(True)
    return figure, axis

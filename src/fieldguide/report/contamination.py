"""How many queries a threshold would call distractors, and where known queries and distractors really lie."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Floats
from fieldguide.recognition import UNKNOWN, Ranking
from fieldguide.report.data import best_similarity, unknown_probability
from fieldguide.report.style import DISTRACTOR, FAINT, INK, KNOWN, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPECTED = 0.3  # the report's
BINS = 40
TOP = 1.02  # of the curve's axis


@styled
def draw_contamination(
    ranking: Ranking,
    contamination: float,
    interval: tuple[float, float] | None = None,
    expected: float = EXPECTED,
) -> "Figure":
    """Draw the contamination that each similarity threshold gives, over the histogram of similarities.

    Parameters
    ----------
    ranking : of n queries
    contamination : the share of distractors that the run came to
    interval : its 90% interval
    expected : the share that one would have guessed
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    similarity, unknown = best_similarity(ranking), unknown_probability(ranking)
    seen = ~np.isnan(similarity)
    ordered = np.sort(similarity[seen])
    figure = Figure(figsize=(5.2, 4.6), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    top.plot(ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1), color=INK)
    _mark(top, ordered, contamination, interval, expected)
    for axis, of_axis in (top, False), (bottom, True):
        for level, colour in (expected, FAINT), (contamination, DISTRACTOR):
            height = 1 if of_axis else level / TOP  # from the curve down
            axis.axvline(_threshold(ordered, level), 0, height, color=colour, linestyle=":", linewidth=1)
        if (used := threshold_used(similarity, ranking)) is not None:
            axis.axvline(used, color=KNOWN, linewidth=1, label=None if of_axis else f"threshold used, {used:.2f}")
    _explain(top)
    top.set(ylabel="queries below the threshold", ylim=(0, TOP))
    figure.suptitle("Contamination against threshold", x=0.01, ha="left", fontsize=9, fontweight="bold")
    top.yaxis.set_major_formatter(PercentFormatter(1))
    _draw_histogram(bottom, similarity[seen], unknown[seen])
    return figure


def threshold_used(similarity: Floats, ranking: Ranking) -> float | None:
    """Find the threshold that told distractors apart; None if no similarity does, or probabilities did.

    Parameters
    ----------
    similarity : (n,) the highest of each query
    ranking : whose first answers are or are not the unknown label
    """
    unknown = ranking.is_unknown()
    if not np.isnan(ranking.probability[ranking.codes == UNKNOWN]).all():
        return None
    below, above = similarity[unknown & ~np.isnan(similarity)], similarity[~unknown & ~np.isnan(similarity)]
    if not len(below) or not len(above) or below.max() >= above.min():
        return None
    return float(below.max() + above.min()) / 2


def _threshold(ordered: Floats, share: float) -> float:
    return float(np.quantile(ordered, share)) if len(ordered) else float("nan")


def _mark(
    axis: Any, ordered: Floats, contamination: float, interval: tuple[float, float] | None, expected: float
) -> None:
    """Mark the shares, each with the threshold that would call as many."""
    name = "estimated" if interval else "called"
    for level, what, colour, line in (contamination, name, DISTRACTOR, "-"), (expected, "expected", FAINT, "--"):
        label = f"{what}, {level:.0%}: a threshold of {_threshold(ordered, level):.2f}"
        axis.axhline(level, color=colour, linewidth=1, linestyle=line, label=label)
        if interval and what == name:
            label = f"its 90% interval, {interval[0]:.0%} to {interval[1]:.0%}"
            axis.axhspan(*interval, color=DISTRACTOR, alpha=0.15, linewidth=0, label=label)


def _draw_histogram(axis: Any, similarity: Floats, unknown: Floats) -> None:
    """Stack what the model takes for known upon what it takes for distractors: each query by its probability."""
    axis.hist(
        [similarity, similarity],
        bins=BINS,
        weights=[unknown, 1 - unknown],
        stacked=True,
        color=[DISTRACTOR, KNOWN],
        label=["none of these, by the model's own probability", "known"],
        edgecolor="white",
        linewidth=0.3,
    )
    _explain(axis, ncols=2)
    axis.set(xlabel="cosine similarity of the nearest gallery picture", ylabel="queries")


def _explain(axis: Any, ncols: int = 1) -> None:
    """Put the legend above the axis, where nothing is drawn."""
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.01), borderaxespad=0, ncols=ncols)

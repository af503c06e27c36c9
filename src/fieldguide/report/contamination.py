"""How many queries a threshold would call distractors, and where known queries and distractors really lie."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.arrays import Floats
from fieldguide.recognition import UNKNOWN, Ranking
from fieldguide.report.run import best_similarity, unknown_probability
from fieldguide.report.style import DISTRACTOR, FAINT, INK, KNOWN, PALE, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPECTED = 0.3  # the report's
BINS = 40


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

    similarity, unknown = best_similarity(ranking), unknown_probability(ranking)
    seen = ~np.isnan(similarity)
    ordered = np.sort(similarity[seen])
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]})
    top.plot(ordered, np.arange(1, len(ordered) + 1) / max(len(ordered), 1), color=INK, label="below the threshold")
    _mark(top, contamination, interval, expected)
    for axis in top, bottom:
        for level, colour in (expected, FAINT), (contamination, DISTRACTOR):
            axis.axvline(_threshold(ordered, level), color=colour, linestyle=":", linewidth=1)
        if (used := threshold_used(similarity, ranking)) is not None:
            axis.axvline(used, color=KNOWN, linewidth=1)
    if used is not None:
        top.annotate(f" threshold used, {used:.2f}", (used, 1), color=KNOWN, fontsize=7, va="top")
    top.set(title="Contamination against threshold", ylabel="share of queries below", ylim=(0, 1.02))
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


def _mark(axis: Any, contamination: float, interval: tuple[float, float] | None, expected: float) -> None:
    if interval:
        axis.axhspan(*interval, color=DISTRACTOR, alpha=0.15, linewidth=0, label="its 90% interval")
    name = "estimated" if interval else "called"
    axis.axhline(contamination, color=DISTRACTOR, linewidth=1, label=f"{name}, {contamination:.2f}")
    axis.axhline(expected, color=FAINT, linewidth=1, linestyle="--", label=f"expected, {expected:.2f}")
    axis.legend(loc="upper left")


def _draw_histogram(axis: Any, similarity: Floats, unknown: Floats) -> None:
    """Stack what the model takes for known upon what it takes for distractors: each query by its probability."""
    axis.hist(
        [similarity, similarity],
        bins=BINS,
        weights=[unknown, 1 - unknown],
        stacked=True,
        color=[DISTRACTOR, KNOWN],
        label=["distractors", "known"],
        edgecolor="white",
        linewidth=0.3,
    )
    axis.legend(title="by the model's own probability", title_fontsize=7, alignment="left", loc="best")
    axis.set(xlabel="cosine similarity of the nearest gallery picture", ylabel="queries")
    axis.margins(y=0.5)  # room for the legend
    axis.grid(axis="y", color=PALE, linewidth=0.4)
    axis.set_axisbelow(True)

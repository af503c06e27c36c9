"""How training went: every number an epoch left, against the epochs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fieldguide.report.style import CYCLE, FAINT, PALE, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3


@styled
def draw_training(history: Sequence[Mapping[str, Any]]) -> "Figure":
    """Draw a small chart for each number, by epoch.

    Parameters
    ----------
    history : an epoch each, with `epoch` and numbers: loss, held-out score, effective rank, uniformity, ...
    """
    from matplotlib.figure import Figure

    keys = list(dict.fromkeys(key for record in history for key in numbers(record)))
    lines = -(-len(keys) // COLUMNS)
    figure = Figure(figsize=(2.4 * min(COLUMNS, len(keys)), 1.8 * lines + 0.2), layout="constrained")
    axes = figure.subplots(lines, min(COLUMNS, len(keys)), squeeze=False).ravel()
    for place, (axis, key) in enumerate(zip(axes, keys, strict=False)):
        points = [
            (record.get("epoch", row), numbers(record)[key])
            for row, record in enumerate(history)
            if key in numbers(record)
        ]
        axis.plot(*zip(*points, strict=True), color=CYCLE[place % len(CYCLE)], marker="o", markersize=2)
        axis.axhline(points[0][1], color=FAINT, linewidth=0.6, linestyle=":")  # where it started
        axis.set_title(key.replace("_", " "))
        axis.grid(axis="y", color=PALE, linewidth=0.4)
    for axis in axes[len(keys) :]:
        axis.set_axis_off()
    for axis in axes[max(0, len(keys) - COLUMNS) : len(keys)]:
        axis.set_xlabel("epoch")
    return figure


def numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """Give what an epoch left that can be drawn."""
    return {
        key: float(value)
        for key, value in record.items()
        if key != "epoch" and isinstance(value, (int, float)) and not isinstance(value, bool)
    }

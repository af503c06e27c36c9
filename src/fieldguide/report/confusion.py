"""The pairs of classes most often taken for each other, with their pictures."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.recognition import Ranking
from fieldguide.records import ImageTable
from fieldguide.records.image_table import Source
from fieldguide.report.data import true_codes
from fieldguide.report.pictures import draw_picture, picture_axes
from fieldguide.report.style import DISTRACTOR, FAINT, INK, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS, SHOTS = 6, 3
TITLES = "Shots of a class", "Its queries, answered wrongly", "Shots of what they were taken for"


def confused_pairs(ranking: Ranking, truth: Mapping[str, str]) -> list[tuple[int, int, Anything]]:
    """Find the classes most often taken for others.

    Returns
    -------
    True class, answered class, and the rows of the queries it happened to; the most frequent first.
    """
    true, first = true_codes(ranking, truth), ranking.codes[:, 0]
    rows = np.flatnonzero((true >= 0) & (first >= 0) & (true != first))
    pairs, place = np.unique(np.stack([true[rows], first[rows]]), axis=1, return_inverse=True)
    order = np.argsort(-np.bincount(place.ravel(), minlength=pairs.shape[1]), kind="stable")
    return [(int(pairs[0, at]), int(pairs[1, at]), rows[place.ravel() == at]) for at in order]


@styled
def draw_confused_pairs(
    ranking: Ranking, truth: Mapping[str, str], gallery: ImageTable, queries: Sequence[Source]
) -> "Figure":
    """Draw, a line a pair, shots of the true class, queries of it, and shots of the class they were taken for."""
    from matplotlib.figure import Figure

    pairs = confused_pairs(ranking, truth)[:PAIRS]
    if not pairs:
        figure = Figure(figsize=(4, 0.8), layout="constrained")
        figure.text(0.5, 0.5, "No known query was taken for another class.", ha="center", va="center", color=INK)
        return figure
    labels = np.asarray(gallery.labels)
    figure = Figure(figsize=(9, 1.22 * len(pairs) + 0.3), layout="constrained")
    blocks: Any = figure.subfigures(1, 3, wspace=0.04)
    for block, title in zip(blocks, TITLES, strict=True):
        block.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=9)
    grids = [picture_axes(block, len(pairs), SHOTS) for block in blocks]
    for line, (true, answered, rows) in enumerate(pairs):
        label, other = str(ranking.classes[true]), str(ranking.classes[answered])
        sources = (
            [gallery.sources[row] for row in np.flatnonzero(labels == label).tolist()],
            [queries[row] for row in rows],
            [gallery.sources[row] for row in np.flatnonzero(labels == other).tolist()],
        )
        for grid, paths in zip(grids, sources, strict=True):
            for axis in grid[line]:
                axis.set_anchor("N")
            for axis, path in zip(grid[line], paths, strict=False):
                draw_picture(axis, path)
        times = f"{len(rows)} quer{'y' if len(rows) == 1 else 'ies'}"
        for grid, text, colour in zip(grids, (label, times, other), (INK, FAINT, DISTRACTOR), strict=True):
            grid[line][0].set_title(shown(text, 34), fontsize=7, fontweight="normal", color=colour)
    return figure

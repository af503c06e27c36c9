"""What the task looks like: some classes with their shots, and some queries."""

from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.records import ImageTable
from fieldguide.report.pictures import draw_picture, picture_axes
from fieldguide.report.style import FAINT, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CLASSES, SHOTS, QUERIES = 6, 5, 6  # at most


@styled
def draw_examples(gallery: ImageTable, queries: ImageTable, seed: int = 0) -> "Figure":
    """Draw classes with their shots, a line each, and beside each line queries, all chosen at random.

    Parameters
    ----------
    gallery : with labels
    queries : the pictures to identify
    seed : of the choice
    """
    from matplotlib.figure import Figure

    rng = np.random.default_rng(seed)
    shots = gallery.shots()
    classes = sorted(rng.choice(sorted(shots), min(CLASSES, len(shots)), replace=False))
    columns = min(SHOTS, max(shots.values()))
    queries_shown = rng.permutation(len(queries))[: len(classes) * QUERIES]
    figure = Figure(figsize=(0.95 * (columns + QUERIES) + 0.3, 1.08 * len(classes) + 0.35), layout="constrained")
    parts: Any = figure.subfigures(1, 2, width_ratios=[columns, QUERIES], wspace=0.03)
    left, right = parts
    left.suptitle("Classes and their shots", x=0.01, ha="left", fontweight="bold", fontsize=9)
    right.suptitle("Queries", x=0.01, ha="left", fontweight="bold", fontsize=9)
    labels = np.asarray(gallery.labels)
    for line, label in zip(picture_axes(left, len(classes), columns), classes, strict=True):
        rows = np.flatnonzero(labels == label)[:columns]
        for axis, row in zip(line, rows, strict=False):
            draw_picture(axis, gallery.sources[row])
            axis.set_anchor("N")
        line[0].set_title(shown(label, 12 * len(rows)), fontsize=7, fontweight="normal", color=FAINT)
    places = picture_axes(right, len(classes), QUERIES).ravel()
    for axis, row in zip(places, queries_shown, strict=False):
        draw_picture(axis, queries.sources[row])
    return figure

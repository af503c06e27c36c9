"""The answers as one looks at them: a query, then for each label the gallery picture that speaks for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.embedding.pictures import open_rgb
from fieldguide.recognition import NOTHING, UNKNOWN, Ranking

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RIGHT, INK, FAINT = "#0072b2", "#222222", "#9a9a9a"  # blue stays apart from grey for the colour-blind
THUMBNAIL = 160  # pixels


def draw_predictions(
    ranking: Ranking,
    rows: Sequence[int],
    queries: Sequence[Path],
    gallery: Sequence[Path],
    truth: Mapping[str, str] | None = None,
) -> "Figure":
    """Draw some queries with their answers, a line each.

    Parameters
    ----------
    ranking : of n queries
    rows : which of them
    queries : (n,) where the queries lie
    gallery : where the pictures lie that `ranking.nearest` counts
    truth : the true label by the query's name; the right answer is then framed

    Returns
    -------
    A matplotlib figure: save it with `figure.savefig("answers.png")`.
    """
    from matplotlib.figure import Figure

    n, k = len(rows), ranking.codes.shape[1]
    figure = Figure(figsize=(1.25 * (k + 1.2), 1.5 * n), dpi=110, layout="constrained")
    axes = figure.subplots(n, k + 1, squeeze=False, gridspec_kw={"width_ratios": [1.2] + [1] * k})
    for axis in axes.flat:
        axis.set_axis_off()
    for line, row in zip(axes, rows, strict=True):
        true_label = (truth or {}).get(ranking.names[row])
        _draw_picture(line[0], queries[row])
        line[0].set_title(ranking.names[row], fontsize=7, color=FAINT)
        labels = ranking.labels(row)
        for place, axis in enumerate(line[1:]):
            code = ranking.codes[row, place]
            if code == NOTHING:
                continue
            if code == UNKNOWN:
                axis.text(0.5, 0.5, "none of\nthese", ha="center", va="center", fontsize=9, color=INK)
            else:
                _draw_picture(axis, gallery[ranking.nearest[row, place]])
            is_right = labels[place] == true_label
            axis.set_title(_caption(ranking, row, place, labels[place]), fontsize=7, color=RIGHT if is_right else INK)
            if is_right:
                _frame(axis)
    return figure


def _caption(ranking: Ranking, row: int, place: int, label: str) -> str:
    short = label if len(label) <= 18 else label[:17] + "…"
    short = short.replace("$", r"\$")  # matplotlib would set it as mathematics
    number = ranking.probability[row, place]
    number = ranking.similarity[row, place] if np.isnan(number) else number
    return short if np.isnan(number) else f"{short}  {number:.2f}"


def _draw_picture(axis: Any, path: Path) -> None:
    picture = open_rgb(path)
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    axis.imshow(np.asarray(picture))


def _frame(axis: Any) -> None:
    from matplotlib.patches import Rectangle

    axis.add_patch(Rectangle((0, 0), 1, 1, transform=axis.transAxes, fill=False, edgecolor=RIGHT, linewidth=3))

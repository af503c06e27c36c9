"""The answers as one looks at them: a query, then for each label the gallery picture that speaks for it."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.arrays import Anything
from fieldguide.recognition import NOTHING, UNKNOWN, Ranking
from fieldguide.report.pictures import draw_picture, frame
from fieldguide.report.run import sureness, true_codes, unknown_probability
from fieldguide.report.style import FAINT, INK, KNOWN, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
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
    height = 1.36 * max(n, 1)
    figure = Figure(figsize=(1.25 * (k + 1.2), height))  # no layout engine: it takes a second for 48 axes
    figure.subplots_adjust(0.01, 0.08 / height, 0.99, 1 - 0.32 / height, wspace=0.08, hspace=0.36)
    axes = figure.subplots(max(n, 1), k + 1, squeeze=False, gridspec_kw={"width_ratios": [1.2] + [1] * k})
    for axis in axes.flat:
        axis.set_axis_off()
    for line, row in zip(axes, rows, strict=False):
        true_label = (truth or {}).get(ranking.names[row])
        draw_picture(line[0], queries[row])
        name = PurePath(ranking.names[row]).name
        line[0].set_title(shown(name, 18), loc="center", fontsize=7, fontweight="normal", color=FAINT)
        labels = ranking.labels(row)
        for place, axis in enumerate(line[1:]):
            code = ranking.codes[row, place]
            if code == NOTHING:
                continue
            if code == UNKNOWN:
                axis.text(
                    0.5,
                    0.5,
                    "none of\nthese",
                    ha="center",
                    va="center",
                    fontsize=9,
                    color=INK,
                    transform=axis.transAxes,
                )
            else:
                draw_picture(axis, gallery[ranking.nearest[row, place]])
            is_right = labels[place] == true_label
            axis.set_title(
                _caption(ranking, row, place, labels[place]),
                loc="center",
                fontsize=7,
                fontweight="bold" if is_right else "normal",
                color=KNOWN if is_right else INK,
            )
            if is_right:
                frame(axis, KNOWN)
    return figure


def surest(ranking: Ranking, n: int) -> Anything:
    """Give the rows of the n identified queries whose first answer is likeliest, of n classes if there are as many."""
    return _first(sureness(ranking), ~ranking.is_unknown(), n, ranking.codes[:, 0])


def least_sure(ranking: Ranking, n: int) -> Anything:
    """Give the rows of the n identified queries whose first answer is least likely."""
    return _first(-sureness(ranking), ~ranking.is_unknown(), n)


def likeliest_distractors(ranking: Ranking, n: int) -> Anything:
    """Give the rows of the n likeliest distractors, with as many classes as can be in the second place."""
    second = ranking.codes[:, min(1, ranking.codes.shape[1] - 1)]
    wanted = ranking.is_unknown() & (second != NOTHING)  # a query that could not be read has no second answer
    return _first(unknown_probability(ranking) + 1e-3 * ranking.distractor_score, wanted, n, second)


def worst_mistakes(ranking: Ranking, truth: Mapping[str, str], n: int) -> Anything:
    """Give the rows of the n surest answers that are wrong."""
    true = true_codes(ranking, truth)
    return _first(sureness(ranking), (true != NOTHING) & (true != ranking.codes[:, 0]), n)


def _first(score: Anything, wanted: Anything, n: int, group: Anything | None = None) -> Anything:
    """Give the n wanted rows with the highest score; with groups, the best of each before the second of any."""
    rows = np.flatnonzero(wanted & ~np.isnan(score))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    if group is not None:
        best = np.zeros(len(rows), bool)
        best[np.unique(group[rows], return_index=True)[1]] = True
        rows = np.concatenate([rows[best], rows[~best]])
    return rows[:n]


def _caption(ranking: Ranking, row: int, place: int, label: str) -> str:
    number = ranking.probability[row, place]
    number = ranking.similarity[row, place] if np.isnan(number) else number
    return shown(label, 16) if np.isnan(number) else f"{shown(label, 16)}\n{number:.2f}"

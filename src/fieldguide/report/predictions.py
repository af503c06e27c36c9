"""The answers as one looks at them: a query, then for each label the gallery picture of it that is nearest."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from fieldguide.core.arrays import Anything
from fieldguide.recognition import NOTHING, UNKNOWN, Ranking
from fieldguide.records.image_table import Source
from fieldguide.report.data import confidence, true_codes, unknown_probability
from fieldguide.report.pictures import draw_picture, frame, picture_axes
from fieldguide.report.style import FAINT, INK, KNOWN, percent, shown, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD = 0.24  # inches, of the line above all


@styled
def draw_predictions(
    ranking: Ranking,
    rows: Sequence[int],
    queries: Sequence[Source],
    gallery: Sequence[Source],
    truth: Mapping[str, str] | None = None,
) -> "Figure":
    """Draw some queries with their answers, a line each.

    Parameters
    ----------
    ranking : of n queries
    rows : which of them
    queries : (n,) where the queries lie
    gallery : where the pictures lie that `ranking.nearest` counts
    truth : the true label by the query's name, of no class in the gallery for distractors; the right answer is framed

    Returns
    -------
    A matplotlib figure: save it with `figure.savefig("answers.png")`.
    """
    from matplotlib.figure import Figure

    n, k = len(rows), ranking.codes.shape[1]
    height = 1.36 * max(n, 1) + HEAD
    figure = Figure(figsize=(1.25 * (k + 1.2), height))  # no layout engine: it takes a second for 48 axes
    figure.subplots_adjust(0.01, 0.08 / height, 0.99, 1 - (0.32 + HEAD) / height, wspace=0.08, hspace=0.36)
    axes = picture_axes(figure, max(n, 1), k + 1, gridspec_kw={"width_ratios": [1.2] + [1] * k})
    for axis in axes.flat:
        axis.set_anchor("N")  # captions of a line stand beside each other, whatever shape the pictures have
    for axis, words in (axes[0, 0], "Query"), (axes[0, 1], "Answers, likeliest first"):
        left = axis.get_position().x0
        figure.text(left, 1 - 0.06 / height, words, ha="left", va="top", fontsize=9, fontweight="bold", color=INK)
    true = true_codes(ranking, truth or {})
    for line, row in zip(axes, rows, strict=False):
        draw_picture(line[0], queries[row])
        labels = ranking.labels(row)
        caption = shown(PurePath(ranking.names[row]).name, 20)
        if true[row] != NOTHING and true[row] != ranking.codes[row, 0]:
            in_truth = "none of these" if true[row] == UNKNOWN else str(ranking.classes[true[row]])
            caption += f"\nin truth {shown(in_truth, 16)}"
        line[0].set_title(caption, loc="center", fontsize=7, fontweight="normal", color=FAINT)
        for place, axis in enumerate(line[1:]):
            code = ranking.codes[row, place]
            if code == NOTHING:
                continue
            if code == UNKNOWN:
                axis.set_box_aspect(1)
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
            elif ranking.nearest[row, place] >= 0:
                draw_picture(axis, gallery[ranking.nearest[row, place]])
            is_right = code == true[row]
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
    return _first(confidence(ranking), ~ranking.is_unknown(), n, ranking.codes[:, 0])


def least_sure(ranking: Ranking, n: int) -> Anything:
    """Give the rows of the n identified queries whose first answer is least likely, of n classes if there are."""
    return _first(-confidence(ranking), ~ranking.is_unknown(), n, ranking.codes[:, 0])


def likeliest_distractors(ranking: Ranking, n: int) -> Anything:
    """Give the rows of the n likeliest distractors, with as many classes as can be in the second place."""
    second = ranking.codes[:, min(1, ranking.codes.shape[1] - 1)]
    wanted = ranking.is_unknown() & (second != NOTHING)  # a query that could not be read has no second answer
    return _first(unknown_probability(ranking) + 1e-3 * ranking.distractor_score, wanted, n, second)


def worst_mistakes(ranking: Ranking, truth: Mapping[str, str], n: int) -> Anything:
    """Give the rows of the n surest answers that are wrong, of queries of n classes if there are as many."""
    true = true_codes(ranking, truth)
    return _first(confidence(ranking), (true != NOTHING) & (true != ranking.codes[:, 0]), n, true)


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
    probability, similarity = ranking.probability[row, place], ranking.similarity[row, place]
    if not np.isnan(probability):
        return f"{shown(label, 18)}\n{percent(float(probability))}"
    return shown(label, 18) if np.isnan(similarity) else f"{shown(label, 18)}\n{similarity:.2f}"

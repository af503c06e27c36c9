"""Every figure of a report, by name. A new one is a module with a function, and one line here."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Flags, Ints
from fieldguide.recognition import NOTHING, UNKNOWN
from fieldguide.report import predictions
from fieldguide.report.confusion import draw_confused_pairs
from fieldguide.report.contamination import draw_contamination
from fieldguide.report.data import ReportData, best_similarity, true_codes
from fieldguide.report.examples import draw_examples
from fieldguide.report.leaderboard import draw_leaderboard, read_rows
from fieldguide.report.maps import (
    draw_map_of_classes,
    draw_map_of_confidence,
    draw_map_of_rules,
    draw_maps_by_epoch,
)
from fieldguide.report.quality import draw_oscr, draw_reliability, draw_roc, draw_score_by_rank
from fieldguide.report.training import draw_training, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = 8  # queries in a figure of predictions


@dataclass(frozen=True)
class FigureSpec:
    """A figure of the report.

    Attributes
    ----------
    name : of its file
    title : over it, in the page
    caption : what one sees in it, in a sentence
    draw : makes it
    possible : whether the run has what it shows
    pictures : whether it is made of pictures rather than lines
    """

    name: str
    title: str
    caption: str
    draw: Callable[[ReportData], "Figure"]
    possible: Callable[[ReportData], bool] = lambda data: True
    pictures: bool = False


def draw_all(data: ReportData, without: Collection[str] = ()) -> Iterator[tuple[FigureSpec, "Figure"]]:
    """Draw every figure that the run has something for, but those named in `without`, in the order of the page."""
    for spec in FIGURES:
        if spec.name not in without and spec.possible(data):
            yield spec, spec.draw(data)


def verdicts(data: ReportData) -> dict[str, Flags]:
    """Say which queries each calls distractors, (n,): a threshold, DBSCAN, the run, and the truth if it is known."""
    ranking = data.ranking
    readable = np.asarray(data.query_embeddings.rows)
    called = {name: np.ones(len(ranking), bool) for name in ("Threshold", "DBSCAN")}
    similarity = best_similarity(ranking)[readable]
    seen = similarity[~np.isnan(similarity)]
    threshold = np.quantile(seen, data.facts.contamination) if len(seen) else np.inf
    called["Threshold"][readable] = ~(similarity >= threshold)
    called["DBSCAN"][readable] = data.dbscan
    called[f"This run ({data.facts.recipe})"] = ranking.is_unknown()
    true = true_codes(ranking, data.truth or {})
    return called if (true == NOTHING).any() else {**called, "In truth": true == UNKNOWN}


def shown_codes(data: ReportData) -> Ints:
    """(n,) the class of each query, as the ranking's codes: the true one, its first answer where that is not known."""
    true = true_codes(data.ranking, data.truth or {})
    codes: Ints = np.where(true == NOTHING, data.ranking.codes[:, 0], true)
    return codes


def _predictions(choose: Callable[[ReportData], Any]) -> Callable[[ReportData], "Figure"]:
    def draw(data: ReportData) -> "Figure":
        rows = choose(data)
        return predictions.draw_predictions(data.ranking, rows, data.queries.sources, data.gallery.sources, data.truth)

    return draw


def _spec_of_predictions(
    name: str,
    title: str,
    caption: str,
    choose: Callable[[ReportData], Any],
    possible: Callable[[ReportData], bool] = lambda data: True,
) -> FigureSpec:
    return FigureSpec(
        name, title, caption, _predictions(choose), lambda data: possible(data) and len(choose(data)) > 0, pictures=True
    )


def _has_truth(data: ReportData) -> bool:
    return data.truth is not None and bool(data.scores)


def _has_both_kinds(data: ReportData) -> bool:
    if data.truth is None:
        return False
    true = true_codes(data.ranking, data.truth)
    return bool((true >= 0).any() and (true == UNKNOWN).any())


def _has_probabilities(data: ReportData) -> bool:
    return _has_truth(data) and not bool(np.isnan(data.ranking.probability[:, 0]).all())


FIGURES = [
    FigureSpec(
        "examples",
        "The task",
        "Classes with their shots, and queries, drawn by lot.",
        lambda data: draw_examples(data.gallery, data.queries, data.facts.seed),
        pictures=True,
    ),
    FigureSpec(
        "contamination",
        "Where none of these begins",
        "The share of queries that a similarity threshold would call none of these, and under it how these and known "
        "queries overlap: where they do, no threshold can part them.",
        lambda data: draw_contamination(data.ranking, data.facts.contamination, data.facts.interval),
    ),
    FigureSpec(
        "map-classes",
        "The map, by class",
        "Every picture, like beside like. Colours repeat; classes that lie side by side have different ones.",
        lambda data: draw_map_of_classes(data.plane, data.ranking, data.gallery_codes),
        pictures=True,
    ),
    FigureSpec(
        "map-rules",
        "The map, by what is called none of these",
        "What each rule calls none of these: a threshold that calls the share this run came to; DBSCAN, whose clusters "
        "are those one sees on this map; the run; and, where it is known, the truth.",
        lambda data: draw_map_of_rules(data.plane, verdicts(data)),
        pictures=True,
    ),
    FigureSpec(
        "map-confidence",
        "The map, by confidence",
        "Where the answers are sure, and where they are not.",
        lambda data: draw_map_of_confidence(data.plane, data.ranking),
        pictures=True,
    ),
    _spec_of_predictions(
        "surest",
        "The surest answers",
        "Queries with the likeliest first answer; beside each label the gallery picture nearest to the query.",
        lambda data: predictions.surest(data.ranking, LINES),
    ),
    _spec_of_predictions(
        "least-sure",
        "The least sure answers",
        "Identified queries with the least likely first answer, of as many classes as can be.",
        lambda data: predictions.least_sure(data.ranking, LINES),
    ),
    _spec_of_predictions(
        "distractors",
        "The likeliest of none of these",
        "Queries that are most probably of no class of the gallery.",
        lambda data: predictions.likeliest_distractors(data.ranking, LINES),
    ),
    _spec_of_predictions(
        "mistakes",
        "The worst mistakes",
        "The surest answers that the truth says are wrong, of as many classes as can be; the right label is framed "
        "where it stands.",
        lambda data: predictions.worst_mistakes(data.ranking, data.truth or {}, LINES),
        _has_truth,
    ),
    FigureSpec(
        "confusion",
        "Classes most often confused",
        "Shots of a class, queries of it that were answered wrongly, and shots of the class they were taken for.",
        lambda data: draw_confused_pairs(data.ranking, data.truth or {}, data.gallery, data.queries.sources),
        _has_truth,
        pictures=True,
    ),
    FigureSpec(
        "score-by-rank",
        "How far down the true label stands",
        "The share of queries whose true label stands at each rank or before it.",
        lambda data: draw_score_by_rank(data.ranking, data.truth or {}),
        _has_truth,
    ),
    FigureSpec(
        "reliability",
        "Can the probabilities be believed?",
        "On the diagonal, first answers said to be 80% probable are right 80% of the time.",
        lambda data: draw_reliability(data.ranking, data.truth or {}),
        _has_probabilities,
    ),
    FigureSpec(
        "roc",
        "Known against none of these",
        "How many queries of no class of the gallery slip in for each share of known queries let through.",
        lambda data: draw_roc(data.ranking, data.truth or {}),
        _has_both_kinds,
    ),
    FigureSpec(
        "oscr",
        "Named rightly, and known",
        "The same for known queries that are also named rightly.",
        lambda data: draw_oscr(data.ranking, data.truth or {}),
        _has_both_kinds,
    ),
    FigureSpec(
        "leaderboard",
        "Ways to answer beside each other",
        "The main score with its interval, and all else that was measured.",
        lambda data: draw_leaderboard(data.leaderboard),
        lambda data: any(measures for _, measures in read_rows(data.leaderboard)),
    ),
    FigureSpec(
        "training",
        "Training",
        "Every number of each epoch; dotted: where it started.",
        lambda data: draw_training(data.training),
        lambda data: any(numbers(record) for record in data.training),
    ),
    FigureSpec(
        "map-epochs",
        "The map as training goes on",
        "What the trained head makes of the same pictures, from its first weights on. Queries have the colour of their "
        "true class where it is known, of their first answer where not.",
        lambda data: draw_maps_by_epoch(data.planes, data.gallery_codes, shown_codes(data)),
        lambda data: len(data.stages) > 1,
        pictures=True,
    ),
]
"""In the order of the page."""

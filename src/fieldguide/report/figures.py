"""Every figure of a report, by name. A new one is a module with a function, and one line here."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fieldguide.core.arrays import Flags, Ints
from fieldguide.recognition import NOTHING, UNKNOWN
from fieldguide.report import predictions
from fieldguide.report.confusion import draw_confused_pairs
from fieldguide.report.contamination import draw_contamination
from fieldguide.report.examples import draw_examples
from fieldguide.report.leaderboard import draw_leaderboard, read_rows
from fieldguide.report.maps import (
    draw_map_of_classes,
    draw_map_of_confidence,
    draw_map_of_rules,
    draw_maps_by_epoch,
)
from fieldguide.report.quality import draw_oscr, draw_reliability, draw_roc, draw_score_by_rank
from fieldguide.report.run import ReportData, best_similarity, true_codes
from fieldguide.report.training import draw_training, numbers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINES = 8  # queries in a figure of predictions


@dataclass(frozen=True)
class Entry:
    """A figure of the report.

    Attributes
    ----------
    name : of its file
    title : over it, in the page
    says : what one sees in it, in a sentence
    draw : makes it
    possible : whether the run has what it shows
    pictures : whether it is made of pictures rather than lines
    """

    name: str
    title: str
    says: str
    draw: Callable[[ReportData], "Figure"]
    possible: Callable[[ReportData], bool] = lambda run: True
    pictures: bool = False


def draw_all(run: ReportData) -> Iterator[tuple[Entry, "Figure"]]:
    """Draw every figure that the run has something for, in the order of the story."""
    for entry in FIGURES:
        if entry.possible(run):
            yield entry, entry.draw(run)


def verdicts(run: ReportData) -> dict[str, Flags]:
    """Say which queries each calls distractors, (n,): a threshold, DBSCAN, the run, and the truth if it is known."""
    ranking = run.ranking
    readable = np.asarray(run.query_embeddings.rows)
    called = {name: np.ones(len(ranking), bool) for name in ("Threshold", "DBSCAN")}
    similarity = best_similarity(ranking)[readable]
    seen = similarity[~np.isnan(similarity)]
    threshold = np.quantile(seen, run.facts.contamination) if len(seen) else np.inf
    called["Threshold"][readable] = ~(similarity >= threshold)
    called["DBSCAN"][readable] = run.dbscan
    called[f"This run ({run.facts.recipe})"] = ranking.is_unknown()
    true = true_codes(ranking, run.truth or {})
    return called if (true == NOTHING).any() else {**called, "In truth": true == UNKNOWN}


def shown_codes(run: ReportData) -> Ints:
    """(n,) the class of each query, as the ranking's codes: the true one, its first answer where that is not known."""
    true = true_codes(run.ranking, run.truth or {})
    codes: Ints = np.where(true == NOTHING, run.ranking.codes[:, 0], true)
    return codes


def _predictions(choose: Callable[[ReportData], Any]) -> Callable[[ReportData], "Figure"]:
    def draw(run: ReportData) -> "Figure":
        rows = choose(run)
        return predictions.draw_predictions(run.ranking, rows, run.queries.sources, run.gallery.sources, run.truth)

    return draw


def _entry_of_predictions(
    name: str,
    title: str,
    says: str,
    choose: Callable[[ReportData], Any],
    possible: Callable[[ReportData], bool] = lambda run: True,
) -> Entry:
    return Entry(
        name, title, says, _predictions(choose), lambda run: possible(run) and len(choose(run)) > 0, pictures=True
    )


def _has_truth(run: ReportData) -> bool:
    return run.truth is not None and bool(run.scores)


def _has_both_kinds(run: ReportData) -> bool:
    if run.truth is None:
        return False
    true = true_codes(run.ranking, run.truth)
    return bool((true >= 0).any() and (true == UNKNOWN).any())


def _has_probabilities(run: ReportData) -> bool:
    return _has_truth(run) and not bool(np.isnan(run.ranking.probability[:, 0]).all())


FIGURES = [
    Entry(
        "examples",
        "The task",
        "Classes with their shots, and queries, drawn by lot.",
        lambda run: draw_examples(run.gallery, run.queries, run.facts.seed),
        pictures=True,
    ),
    Entry(
        "contamination",
        "Where none of these begins",
        "The share of queries that a similarity threshold would call none of these, and under it how these and known "
        "queries overlap: where they do, no threshold can part them.",
        lambda run: draw_contamination(run.ranking, run.facts.contamination, run.facts.interval),
    ),
    Entry(
        "map-classes",
        "The map, by class",
        "Every picture, like beside like. Colours repeat; classes that lie side by side have different ones.",
        lambda run: draw_map_of_classes(run.plane, run.ranking, run.shot_codes),
        pictures=True,
    ),
    Entry(
        "map-rules",
        "The map, by what is called none of these",
        "What each rule calls none of these: a threshold that calls the share this run came to; DBSCAN, whose clusters "
        "are those one sees on this map; the run; and, where it is known, the truth.",
        lambda run: draw_map_of_rules(run.plane, verdicts(run)),
        pictures=True,
    ),
    Entry(
        "map-confidence",
        "The map, by confidence",
        "Where the answers are sure, and where they are not.",
        lambda run: draw_map_of_confidence(run.plane, run.ranking),
        pictures=True,
    ),
    _entry_of_predictions(
        "surest",
        "The surest answers",
        "Queries with the likeliest first answer; beside each label the gallery picture nearest to the query.",
        lambda run: predictions.surest(run.ranking, LINES),
    ),
    _entry_of_predictions(
        "least-sure",
        "The least sure answers",
        "Identified queries with the least likely first answer, of as many classes as can be.",
        lambda run: predictions.least_sure(run.ranking, LINES),
    ),
    _entry_of_predictions(
        "distractors",
        "The likeliest of none of these",
        "Queries that are most probably of no class of the gallery.",
        lambda run: predictions.likeliest_distractors(run.ranking, LINES),
    ),
    _entry_of_predictions(
        "mistakes",
        "The worst mistakes",
        "The surest answers that the truth says are wrong, of as many classes as can be; the right label is framed "
        "where it stands.",
        lambda run: predictions.worst_mistakes(run.ranking, run.truth or {}, LINES),
        _has_truth,
    ),
    Entry(
        "confusion",
        "Classes most often confused",
        "Shots of a class, queries of it that were answered wrongly, and shots of the class they were taken for.",
        lambda run: draw_confused_pairs(run.ranking, run.truth or {}, run.gallery, run.queries.sources),
        _has_truth,
        pictures=True,
    ),
    Entry(
        "score-by-rank",
        "How far down the true label stands",
        "The share of queries whose true label stands at each rank or before it.",
        lambda run: draw_score_by_rank(run.ranking, run.truth or {}),
        _has_truth,
    ),
    Entry(
        "reliability",
        "Can the probabilities be believed?",
        "On the diagonal, first answers said to be 80% probable are right 80% of the time.",
        lambda run: draw_reliability(run.ranking, run.truth or {}),
        _has_probabilities,
    ),
    Entry(
        "roc",
        "Known against none of these",
        "How many queries of no class of the gallery slip in for each share of known queries let through.",
        lambda run: draw_roc(run.ranking, run.truth or {}),
        _has_both_kinds,
    ),
    Entry(
        "oscr",
        "Named rightly, and known",
        "The same for known queries that are also named rightly.",
        lambda run: draw_oscr(run.ranking, run.truth or {}),
        _has_both_kinds,
    ),
    Entry(
        "leaderboard",
        "Ways to answer beside each other",
        "The main score with its interval, and all else that was measured.",
        lambda run: draw_leaderboard(run.board),
        lambda run: any(measures for _, measures in read_rows(run.board)),
    ),
    Entry(
        "training",
        "Training",
        "Every number of each epoch; dotted: where it started.",
        lambda run: draw_training(run.training),
        lambda run: any(numbers(record) for record in run.training),
    ),
    Entry(
        "map-epochs",
        "The map as training goes on",
        "What the trained head makes of the same pictures, from its first weights on. Queries have the colour of their "
        "true class where it is known, of their first answer where not.",
        lambda run: draw_maps_by_epoch(run.planes, run.shot_codes, shown_codes(run)),
        lambda run: len(run.stages) > 1,
        pictures=True,
    ),
]
"""In the order of the story."""

"""Whether match scores are used, and how: as the gallery's pairs and the rehearsals say, and not at all in doubt.

A match may be of a rock, a shelf or a label that two classes share. So match scores are used only if they make pairs
of unseen classes likelier; and then as rehearsed answers are best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.calibration import Calibration, EpisodeEvidence
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.evidence import Evidence
from fieldguide.recognition.links import MatchLinks
from fieldguide.recognition.neighbourhood import Neighbourhood
from fieldguide.recognition.same_class import SameClass

SHARE = 0.3  # of distractors, at which rehearsed answers are scored
DEPTH = 5
STANDARD_ERRORS = 1.0  # by which a way must be ahead of a simpler one
TOO_FEW = "too few classes have several pictures to learn from what a match is worth"


@dataclass(frozen=True, eq=False)
class Rehearsed:
    """What evidence and calibration come to with some links.

    Attributes
    ----------
    evidence : on the queries
    neighbourhood : how the queries lie
    calibration : learned from the episodes
    episodes : what the evidence was in each
    """

    evidence: Evidence
    neighbourhood: Neighbourhood
    calibration: Calibration
    episodes: Sequence[EpisodeEvidence]


def choose(
    without: Rehearsed,
    rehearse: Callable[[MatchLinks], Rehearsed],
    pictures: CentredRows,
    codes: Ints,
    encounters: Ints,
    scores: Any,
    seed: int,
) -> tuple[Rehearsed, str]:
    """Rehearse with match scores if they are worth it, and give the best way, with the reason in words.

    Parameters
    ----------
    without : rehearsed without any
    rehearse : does the same with links of all pictures
    pictures : gallery and queries
    codes : (len(pictures),) their classes, -1 for queries
    encounters : (n_shots,) of the gallery's pictures; those of one say nothing of what a match is worth elsewhere
    scores : (len(pictures), len(pictures)) CSR, symmetric
    seed : of the samples
    """
    shots = np.flatnonzero(codes >= 0)
    model = SameClass.fit(pictures.of(shots), codes[shots], encounters, scores[shots][:, shots], seed)
    if model is None or not without.calibration.effective:
        return without, f"matching: off, {TOO_FEW}"
    if not model.gains:
        return without, _says_nothing(model)
    ways = {"off": without}
    for name, evidence in (("as edges", False), ("as edges and evidence", True)):
        ways[name] = rehearse(MatchLinks.of(pictures, scores, model, evidence=evidence))
    points = {name: rehearsed_points(way) for name, way in ways.items()}
    best = "off"
    for name in list(ways)[1:]:
        gain, error = _gain(points[best], points[name])
        if gain > STANDARD_ERRORS * error:
            best = name
    score = {name: one.mean for name, one in points.items()}
    rehearsed = ", ".join(f"{value:.3f} {name}" for name, value in score.items())
    return ways[best], f"matching: {best} (rehearsed mAP@5 {rehearsed}; pairs {_learned(model)})"


def why_off(pictures: CentredRows, codes: Ints, encounters: Ints, scores: Any, seed: int) -> str:
    """Say why match scores are of no use, from the gallery alone; nothing where they may be.

    The answers to queries then need no matching, which takes longest.

    Parameters
    ----------
    pictures : n of the gallery
    codes, encounters : (n,) their classes, and what is known to be of one sighting
    scores : (n, n) CSR, symmetric
    seed : of the samples
    """
    model = SameClass.fit(pictures, codes, encounters, scores, seed)
    if model is None:
        return f"matching: off, {TOO_FEW}"
    return "" if model.gains else _says_nothing(model)


def _says_nothing(model: SameClass) -> str:
    return f"matching: off, a match says nothing of the class ({_learned(model)})"


def _learned(model: SameClass) -> str:
    return f"{model.gain:+.3f} ± {model.error:.3f} nats a class"


def scores_of(matches: Any, rows: Ints, n_gallery: int, n_pictures: int) -> Any:
    """Give the match scores of a task's pictures, (n_pictures, n_pictures) CSR.

    Parameters
    ----------
    matches : as given to `rank`, of the whole gallery, then the queries
    rows : which pictures of the gallery are in the task
    n_gallery : how many there were
    n_pictures : of the task; those beyond the queries, labelled distractors, have no scores

    Raises
    ------
    ValueError : the matrix is not square, or not as large as gallery and queries together.
    """
    n_queries = matches.shape[0] - n_gallery
    room = n_pictures - len(rows) - n_queries
    if matches.shape[0] != matches.shape[1] or n_queries < 0 or room < 0:
        raise ValueError(
            f"match scores are of gallery and queries, a square matrix, not {matches.shape[0]} by {matches.shape[1]}"
        )
    kept = np.concatenate([rows, n_gallery + np.arange(n_queries)])
    scores = sparse.csr_matrix(matches, dtype=np.float32)[kept][:, kept]
    scores.resize((n_pictures, n_pictures))
    return scores


@dataclass(frozen=True)
class Points:
    """The reciprocal rank of each rehearsed answer, 0 beyond the fifth.

    Attributes
    ----------
    values : (n,)
    weight : (n,) known ones together 1 - `SHARE`, distractors `SHARE`
    groups : (n,) their classes
    """

    values: Anything
    weight: Anything
    groups: Ints

    @property
    def mean(self) -> float:
        """MAP@5."""
        return float(self.values @ self.weight)


def rehearsed_points(way: Rehearsed) -> Points:
    """Answer the hidden shots and the shots of hidden classes as queries are, and score them."""
    values, weights, groups, kinds = [], [], [], []
    for one in way.episodes:
        for kind, right in (("known", one.known_codes), ("distractors", None)):
            evidence = getattr(one, kind)
            log_odds = way.calibration.log_odds(evidence)
            known = way.calibration.known(log_odds, SHARE).mean(axis=0) if len(log_odds) else log_odds
            classes = way.calibration.class_probability(evidence, log_odds, SHARE) * known[:, None]
            unknown = 1 - known[:, None]
            own = unknown if right is None else (classes * (evidence.codes == right[:, None])).max(axis=1)[:, None]
            place = 1 + (classes > own).sum(axis=1) + (0 if right is None else (unknown >= own)[:, 0])
            values.append(np.where((place <= DEPTH) & (own[:, 0] > 0), 1 / place, 0))
            name = kind.removesuffix("s")
            weights.append(getattr(one, f"{name}_weight"))
            groups.append(getattr(one, f"{name}_groups"))
            kinds.append(np.full(len(place), right is not None))
    is_known, weight = np.concatenate(kinds), np.concatenate(weights)
    for some, share in ((is_known, 1 - SHARE), (~is_known, SHARE)):
        weight[some] *= share / max(weight[some].sum(), 1e-9)
    return Points(np.concatenate(values), weight, np.concatenate(groups))


def _gain(before: Points, after: Points) -> tuple[float, float]:
    """Give by how much the mean is higher, and the standard error of that, over classes."""
    each = (after.values - before.values) * before.weight
    a_class = np.bincount(before.groups, each)
    n = max((np.bincount(before.groups) > 0).sum(), 1)
    spread = a_class - a_class.sum() / n
    return float(each.sum()), float(np.sqrt((spread**2).sum()))

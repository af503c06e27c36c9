"""What queries of one group say of each other: a query among those of a known class is likelier known.

Groups are small ones, of pictures that share their neighbours, gallery and queries together. It pays where classes have
many queries; where groups mix known classes with new ones it harms, which rehearsals show.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import log_expit

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.episodes import Episode
from fieldguide.recognition.linkage import average_linkage
from fieldguide.recognition.propagation import smooth_over

OWN = 0.3  # weight of a picture among its neighbours
CUT = 0.15  # mean cosine between the neighbourhoods of two groups above which they are one
TOLERATED = 0.01  # rise of the log loss in a rehearsal that may be chance; where groups harm it was four times as much
MOST = 30_000  # pictures; of more the pairs with common neighbours would take gigabytes


def group_by_neighbours(graph: Any) -> Ints:
    """(n,) groups of pictures that have neighbours in common, by average linkage; graph as of `neighbour_graph`."""
    around = (OWN * sparse.identity(graph.shape[0], format="csr") + (1 - OWN) * graph).tocsr()
    length = np.sqrt(np.asarray(around.multiply(around).sum(axis=1)).ravel())
    around = sparse.diags(1 / length) @ around
    shared = (around @ around.T).tocsr()
    shared.setdiag(0)
    shared.eliminate_zeros()
    (groups,) = average_linkage(shared, [CUT])
    return groups


def feed_back(log_odds: Anything, groups: Ints) -> Anything:
    """Mix the log odds of queries (n,) half with the mean of their group, keeping mean and spread."""
    mean = np.bincount(groups, log_odds) / np.maximum(np.bincount(groups), 1)
    mixed = (log_odds + mean[groups]) / 2
    spread = mixed.std()
    scale = log_odds.std() / spread if spread > 0 else 1.0
    return np.asarray((mixed - mixed.mean()) * scale + log_odds.mean())


@dataclass(frozen=True)
class RehearsedGraph:
    """An episode as feedback sees it.

    Attributes
    ----------
    graph : (m + n, m + n) of the gallery that stayed, then all n that were queries
    log_odds : (n,) of known against distractor, before any smoothing
    known, distractors : numbers of queries that are surely one or the other
    """

    graph: Any
    log_odds: Anything
    known: Ints
    distractors: Ints

    @classmethod
    def of(cls, episode: Episode, graph: Any, log_odds: Anything, n_pictures: int) -> "RehearsedGraph":
        """Find the held-out of `n_pictures` in the gallery: they are the first queries, in the order of the gallery."""
        heldout = np.setdiff1d(np.arange(n_pictures), episode.gallery_rows)
        kinds = (np.searchsorted(heldout, rows) for rows in (episode.heldout_shot_rows, episode.heldout_class_rows))
        return cls(graph, log_odds, *kinds)


def helps(rehearsals: Sequence[RehearsedGraph]) -> bool:
    """Whether feedback does no harm in rehearsals: the log loss, both kinds weighing the same, hardly rises."""
    rises = []
    for one in rehearsals:
        if one.graph.shape[0] > MOST:
            return False
        n_shots = one.graph.shape[0] - len(one.log_odds)
        smooth = smooth_over(one.graph[n_shots:, n_shots:], one.log_odds)
        fed = feed_back(smooth, group_by_neighbours(one.graph)[n_shots:])
        rises.append(_loss(fed, one) - _loss(smooth, one))
    return bool(rises) and float(np.mean(rises)) <= TOLERATED


def _loss(log_odds: Anything, one: RehearsedGraph) -> float:
    kinds = log_expit(log_odds[one.known]), log_expit(-log_odds[one.distractors])
    return -float(np.mean([kind.mean() for kind in kinds if len(kind)] or [0.0]))

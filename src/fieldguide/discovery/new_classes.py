"""From a ranking to its new classes: every query that is probably unknown gets a group."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from fieldguide.core.arrays import Anything, Ints
from fieldguide.discovery.closeness import closeness
from fieldguide.discovery.cut import USUAL, learn_cut
from fieldguide.discovery.number import NumberOfClasses, cuts_about, estimate_number
from fieldguide.recognition.linkage import average_linkage
from fieldguide.recognition.neighbourhood import Neighbourhood
from fieldguide.recognition.ranking import NO_GROUP, Ranking


@dataclass(frozen=True)
class NewClass:
    """A group of queries that seem to be of one class, which the gallery does not have.

    Attributes
    ----------
    name : `new-1` the largest
    members : numbers of the queries, the most central first, then in their order
    nearest : the label of the known class that it is nearest to, by the answers of its members; None without any
    """

    name: str
    members: Sequence[int]
    nearest: str | None

    def __len__(self) -> int:
        return len(self.members)

    @property
    def central(self) -> int:
        """The query that lies closest to the others of the group."""
        return self.members[0]


@dataclass(frozen=True)
class Discovery:
    """What was found among the queries that are probably unknown.

    Attributes
    ----------
    ranking : the answers with their groups
    classes : the new classes, the largest first
    cut : the mean closeness of two groups, 0 to 1, above which they are one; NaN where no query is unknown
    number : how many new classes there are; None where the recognizer gives no probabilities
    """

    ranking: Ranking
    classes: Sequence[NewClass]
    cut: float
    number: NumberOfClasses | None


def discover(ranking: Ranking, neighbourhood: Neighbourhood | None = None, encounters: Ints | None = None) -> Discovery:
    """Group the queries whose first answer is the unknown label.

    Nothing here is random: the same answers have the same groups, and in another order groups of the same names.

    Parameters
    ----------
    ranking : of n queries
    neighbourhood : of them; the ranking's own unless given
    encounters : (n,) codes from 0; queries of one encounter are of one group, and where copies of a picture are in two
        encounters, these are

    Raises
    ------
    ValueError : there is no neighbourhood.
    """
    neighbourhood = neighbourhood or ranking.neighbourhood
    if neighbourhood is None:
        raise ValueError("this recognizer has no graph of the queries: give the neighbourhood of another's ranking")
    rows = np.flatnonzero(ranking.is_unknown())
    if not len(rows):
        nothing = [rows] * len(cuts_about(USUAL))
        number = estimate_number(ranking, rows, nothing)
        return Discovery(replace(ranking, groups=np.full(len(ranking), NO_GROUP)), [], float("nan"), number)
    cut = learn_cut(ranking, neighbourhood.rehearsals)
    close = closeness(neighbourhood.graph[rows][:, rows])
    together = _together(neighbourhood.copies[rows], None if encounters is None else encounters[rows])
    partitions = list(average_linkage(close, cuts_about(cut), together))
    group = by_size(partitions[1], ranking.distractor_score[rows])
    groups = np.full(len(ranking), NO_GROUP)
    groups[rows] = group
    ranking = replace(ranking, groups=groups)
    centrality = _centrality(close, group)
    order = np.lexsort([rows, group])
    members = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    classes = []
    for place, own in enumerate(members, 1):
        central = own[np.argmax(centrality[own])]
        rest = [int(row) for row in rows[own] if row != rows[central]]
        nearest = nearest_label(ranking, rows[own])
        classes.append(NewClass(f"new-{place}", [int(rows[central]), *rest], nearest))
    return Discovery(ranking, classes, cut, estimate_number(ranking, rows, partitions))


def by_size(found: Ints, score: Anything) -> Ints:
    """Number groups by their size, the largest 0; of the same size first the one whose highest score is higher.

    Parameters
    ----------
    found : (n,) groups from 0, in any order
    score : (n,) of each member
    """
    size = np.bincount(found)
    highest = np.full(len(size), -np.inf)
    np.maximum.at(highest, found, score)
    place = np.empty(len(size), np.int64)
    place[np.lexsort([-highest, -size])] = np.arange(len(size))
    return place[found]


def _together(copies: Ints, encounters: Ints | None) -> Ints:
    """(n,) groups, from 0, of what is known to be of one class: copies, and pictures of one encounter."""
    copies = np.unique(copies, return_inverse=True)[1]
    if encounters is None:
        return copies
    encounters = np.unique(encounters, return_inverse=True)[1] + copies.max() + 1
    n = int(encounters.max()) + 1
    links = sparse.coo_matrix((np.ones(len(copies)), (copies, encounters)), (n, n))
    return np.unique(connected_components(links, directed=False)[1][copies], return_inverse=True)[1]


def _centrality(close: Any, group: Ints) -> Anything:
    """(n,) how close each row is to the others of its group, all together."""
    entries = close.tocoo()
    own = group[entries.row] == group[entries.col]
    return np.bincount(entries.row[own], entries.data[own], minlength=len(group))


def nearest_label(ranking: Ranking, rows: Ints) -> str | None:
    """Give the label that the answers of some queries hold with most probability, all alike without probabilities."""
    codes = ranking.codes[rows]
    weight = np.nan_to_num(ranking.probability[rows], nan=1.0)[codes >= 0]
    if not len(weight):
        return None
    return str(ranking.classes[np.argmax(np.bincount(codes[codes >= 0], weight))])

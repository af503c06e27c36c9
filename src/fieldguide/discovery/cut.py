"""Where groups end, learned from classes that are known and hidden: their pictures must come out as groups.

In a rehearsal the shots of hidden classes lie among the queries. A group is right as far as its members are of a shot's
class: shots are by their labels, queries by the probabilities of their answers.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.core.arrays import Anything, Flags, Ints
from fieldguide.discovery.closeness import closeness
from fieldguide.recognition.linkage import average_linkage
from fieldguide.recognition.neighbourhood import RehearsedNeighbourhood
from fieldguide.recognition.ranking import Ranking

CUTS = np.concatenate([np.arange(0.9, 0.3, -0.05), np.geomspace(0.3, 0.01, 20)])
USUAL = 0.12  # where nothing can be rehearsed: groups of some tens; of pairs and triples it makes one of many
ENOUGH = 5_000  # pictures about the shots that are grouped in a rehearsal; those further off say nothing of these
PRECISION = 0.6  # van Rijsbergen's beta: a picture in a wrong group costs a click, a group too many one for all of it


def learn_cut(ranking: Ranking, rehearsals: Sequence[RehearsedNeighbourhood]) -> float:
    """Find the closeness down to which hidden classes come out best: F of BCubed precision and recall over their shots.

    Parameters
    ----------
    ranking : of n queries
    rehearsals : whose graphs hold these queries

    Source: Amigó et al., A comparison of extrinsic clustering evaluation metrics, Information Retrieval 2009.
    """
    told = [_precision_and_recall(ranking, one) for one in rehearsals if len(one.codes)]
    if not told:
        return USUAL
    precision, recall = np.concatenate(told, axis=2).mean(axis=2)
    beta = PRECISION**2
    return float(CUTS[np.argmax((1 + beta) * precision * recall / (beta * precision + recall))])


def _precision_and_recall(ranking: Ranking, rehearsal: RehearsedNeighbourhood) -> Anything:
    """(2, n_cuts, n_shots) BCubed precision and recall of the shots of hidden classes."""
    hidden, own = np.unique(rehearsal.codes, return_inverse=True)
    n_shots = len(own)
    beside = ranking.is_unknown() | np.isin(ranking.codes[:, 0], hidden)  # which would be unknown, were these hidden
    graph, near = _around(rehearsal.graph, np.concatenate([np.ones(n_shots, bool), beside]), n_shots)
    labelled = sparse.csr_matrix((np.ones(n_shots), (np.arange(n_shots), own)), (n_shots, len(hidden)))
    weight = sparse.vstack([labelled, _probability_of(ranking, hidden)], format="csr")[near]
    of_class = np.asarray(weight.sum(axis=0)).ravel()[own]
    measured = []
    for group in average_linkage(closeness(graph), CUTS.tolist()):
        size, of_shots = np.bincount(group), group[:n_shots]
        members = sparse.csr_matrix((np.ones(len(group)), (group, np.arange(len(group)))), (len(size), len(group)))
        together = np.asarray((members @ weight)[of_shots, own]).ravel()
        measured.append((together / size[of_shots], together / of_class))
    return np.moveaxis(np.array(measured), 1, 0)


def _around(graph: Any, taken: Flags, n_shots: int) -> tuple[Any, Ints]:
    """Give the graph of the rows that are taken, and which they are: where there are many, those about the shots."""
    rows = np.flatnonzero(taken)
    graph = graph[rows][:, rows]
    reached = np.arange(len(rows)) < n_shots
    while reached.sum() < min(ENOUGH, len(rows)):
        grown = reached | (graph @ reached > 0)
        if grown.sum() == reached.sum():
            break
        reached = grown
    if len(rows) <= ENOUGH:
        return graph, rows
    kept = np.flatnonzero(reached)
    return graph[kept][:, kept], rows[kept]


def _probability_of(ranking: Ranking, hidden: Ints) -> Any:
    """(n, n_hidden) sparse: how probably each query is of each hidden class, as far as its answer says."""
    place = np.searchsorted(hidden, ranking.codes).clip(max=len(hidden) - 1)
    query, answer = np.nonzero((hidden[place] == ranking.codes) & (ranking.probability > 0))
    values = ranking.probability[query, answer].astype(np.float64)
    return sparse.csr_matrix((values, (query, place[query, answer])), (len(ranking), len(hidden)))

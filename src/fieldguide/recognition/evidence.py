"""What speaks for each class, and for none, once labels have spread: the numbers that calibration weighs."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fieldguide.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.neighbours import blocks, nearest, unit_rows
from fieldguide.recognition.propagation import neighbour_graph, propagate
from fieldguide.recognition.space import WithinClassWhitening, class_means

CANDIDATES = 8  # classes kept from the graph, and as many from the prototypes
COSINE_WEIGHT = 10.0  # of a prototype's cosine against the logarithm of propagated mass
NO_MASS = 1e-5


@dataclass(frozen=True)
class Evidence:
    """The candidate classes of n queries.

    Attributes
    ----------
    codes : (n, k) classes, -1 where there is none
    mass : (n, k) float32, what label propagation brought
    cosine : (n, k) float32, to the class's mean in the adapted space
    hubness : (n_classes,) float32, how similar its nearest queries are to a class's mean: some are near to all
    """

    codes: Ints
    mass: Floats
    cosine: Floats
    hubness: Floats

    def score(self) -> Anything:
        """(n, k) float64: how well each candidate fits, to be compared within a query; -inf where there is none."""
        score = np.log(self.mass + 10 * NO_MASS) + COSINE_WEIGHT * self.cosine
        return np.where(self.codes < 0, -np.inf, score)

    def features(self) -> Anything:
        """(n, 4): what tells a query of any known class from a distractor."""
        mass = np.log(self.mass.max(axis=1) + NO_MASS)
        cosine = np.sort(np.pad(self.cosine, ((0, 0), (2, 0)), constant_values=-1), axis=1)
        local = (self.cosine - self.hubness[self.codes]).max(axis=1)
        return np.stack([mass, cosine[:, -1], cosine[:, -1] - cosine[:, -2], local], axis=1)

    def without(self, codes: Ints) -> "Evidence":
        """Give the evidence had a class, another for each of the n queries, not been in the gallery.

        Labels spread independently of each other, so that striking one leaves the others as they are.
        """
        gone: Flags = self.codes == codes[:, None]
        return Evidence(
            np.where(gone, -1, self.codes), np.where(gone, 0, self.mass), np.where(gone, -1, self.cosine), self.hubness
        )

    def of(self, rows: slice) -> Self:
        """Give the evidence on some of the queries."""
        return type(self)(self.codes[rows], self.mass[rows], self.cosine[rows], self.hubness)


def gather_evidence(pictures: CentredRows, codes: Ints, seed: int) -> tuple[Evidence, Any]:
    """Whiten, spread labels, and compare with the classes' means.

    Parameters
    ----------
    pictures : gallery and queries
    codes : (len(pictures),) their classes, 0 to n_classes - 1, none missing; -1 for the queries
    seed : of the whitening's sample

    Returns
    -------
    The evidence on the n queries, in their order, and the neighbour graph of the queries, (n, n) sparse.
    """
    shots, queries = np.flatnonzero(codes >= 0), np.flatnonzero(codes < 0)
    codes, n_shots = codes[shots], len(shots)
    space = WithinClassWhitening(seed=seed).fit(pictures[shots], codes, unlabelled=pictures.of(queries))
    nodes = _adapted(pictures.of(np.concatenate([shots, queries])), space)
    graph = neighbour_graph(nodes)
    means = unit_rows(class_means(nodes[:n_shots], codes))
    rows = nodes[n_shots:]
    likest, hubness = _likest_means(rows, means)
    kept, mass, mass_of_likest = propagate(graph, codes, CANDIDATES, wanted=likest)
    twice = (likest[:, :, None] == kept[:, None, :]).any(axis=2)
    candidates = np.concatenate([kept, np.where(twice, -1, likest)], axis=1)
    cosine = np.empty(candidates.shape, np.float32)
    for part in blocks(len(rows), candidates.shape[1] * rows.shape[1]):
        cosine[part] = np.einsum("nd,nkd->nk", rows[part], means[candidates[part]])
    none = candidates < 0
    every_mass = np.where(none, 0, np.concatenate([mass, mass_of_likest], axis=1))
    evidence = Evidence(candidates, every_mass, np.where(none, np.float32(-1), cosine), hubness)
    return evidence, graph[n_shots:, n_shots:]


def _adapted(pictures: CentredRows, space: WithinClassWhitening) -> Floats:
    nodes = np.empty((len(pictures), space.map_.shape[1]), np.float32)
    for part in blocks(len(pictures), space.n_features_in_):
        nodes[part] = space.transform(pictures[part])
    return nodes


def _likest_means(rows: Floats, means: Floats) -> tuple[Ints, Floats]:
    """Find the most similar class means of each row, and how similar its nearest rows are to each mean.

    Source of the latter: the hubness correction of Conneau et al., Word translation without parallel data, ICLR 2018.
    """
    likest, _ = nearest(rows, means, CANDIDATES)
    n_top = int(np.clip(len(rows) // len(means), 1, 5))
    _, similarity = nearest(means, rows, n_top)
    return likest, similarity.mean(axis=1)

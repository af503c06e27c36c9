"""The evidence for each class, and for none, after label propagation: what calibration turns into probabilities."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.links import MatchLinks
from fieldguide.recognition.neighbours import blocks, nearest, unit_rows
from fieldguide.recognition.propagation import NEIGHBOURS, diffuse, neighbour_graph, propagate, source_mass
from fieldguide.recognition.scatter import class_means
from fieldguide.recognition.whitening import WithinClassWhitening

CANDIDATES = 8  # classes kept from the graph, and as many from the prototypes
COSINE_WEIGHT = 10.0  # of a prototype's cosine against the logarithm of propagated mass
NO_MASS = 1e-5
GUESSED = 0.15  # of the queries, those surest of their class; fewer than are known in nearly any task
LEARNED_FROM = 5_000  # queries that guesses are made for; of more, a sample says as much


@dataclass(frozen=True)
class Evidence:
    """The candidate classes of n queries.

    Attributes
    ----------
    codes : (n, k) classes, -1 where there is none
    mass : (n, k) float32, what label propagation brought
    cosine : (n, k) float32, to the class's mean in the adapted space
    total_mass : (n,) float32, the mass of all labels together
    hubness : (n_classes,) float32, how similar its nearest queries are to a class's mean: some are near to all
    lift : (n, k) float32, by how much a match with one of its shots raises the log odds; None where matches are no
        evidence
    """

    codes: Ints
    mass: Floats
    cosine: Floats
    total_mass: Floats
    hubness: Floats
    lift: Floats | None = None

    def score(self) -> Anything:
        """(n, k) float64: how well each candidate fits, to be compared within a query; -inf where there is none."""
        score = np.log(self.mass + 10 * NO_MASS) + COSINE_WEIGHT * self.cosine
        if self.lift is not None:
            score = score + self.lift
        return np.where(self.codes < 0, -np.inf, score)

    def features(self) -> Anything:
        """(n, 5): what separates queries of known classes from distractors; (n, 6) where matches are evidence."""
        mass = np.log(self.mass.max(axis=1) + NO_MASS)
        cosine = np.sort(np.pad(self.cosine, ((0, 0), (2, 0)), constant_values=-1), axis=1)
        local = (self.cosine - self.hubness[self.codes]).max(axis=1)
        total_mass = np.log(self.total_mass + NO_MASS)
        columns = [mass, cosine[:, -1], cosine[:, -1] - cosine[:, -2], local, total_mass]
        if self.lift is not None:
            columns.append(self.lift.max(axis=1))
        return np.stack(columns, axis=1)

    def best(self) -> Ints:
        """(n,) the class that fits best."""
        place = self.score().argmax(axis=1)[:, None]
        return np.take_along_axis(self.codes, place, axis=1)[:, 0]

    def guesses(self) -> Ints:
        """(n,) the best class of the queries that are surest of one, -1 for the others."""
        mass = self.mass.max(axis=1)
        sure = np.argsort(-mass, kind="stable")[: int(GUESSED * len(mass))]
        guesses = np.full(len(mass), -1)
        guesses[sure] = self.best()[sure]
        return guesses

    def of(self, rows: slice | Ints) -> Self:
        """Give the evidence on some of the queries."""
        lift = None if self.lift is None else self.lift[rows]
        return replace(
            self,
            codes=self.codes[rows],
            mass=self.mass[rows],
            cosine=self.cosine[rows],
            total_mass=self.total_mass[rows],
            lift=lift,
        )


def gather_evidence(
    pictures: CentredRows, codes: Ints, seed: int, links: MatchLinks | None = None
) -> tuple[Evidence, Any]:
    """Whiten, spread labels, and compare with the classes' means; then again, with what the queries showed.

    The first time, the queries that most mass reached are guessed to be of their best class. The whitening of the
    second time has their scatter too, and seeks near pairs in the space of the first.

    Parameters
    ----------
    pictures : gallery and queries
    codes : (len(pictures),) their classes, 0 to n_classes - 1, none missing; -1 for the queries
    seed : of the samples
    links : of all pictures that have a match score, if any have

    Returns
    -------
    The evidence on the n queries, in their order, and the neighbour graph of the m gallery pictures and, after these,
    the n queries, (m + n, m + n) sparse.
    """
    shots, queries = np.flatnonzero(codes >= 0), np.flatnonzero(codes < 0)
    codes, query_rows = codes[shots], pictures.of(queries)
    gallery = pictures[shots]
    space = WithinClassWhitening(seed=seed).fit(gallery, codes, unlabelled=query_rows, width=pictures.dim)
    some = np.sort(np.random.default_rng(seed).permutation(len(queries))[:LEARNED_FROM])
    rows = np.concatenate([shots, queries[some]])
    first, _ = _evidence_in(space, pictures.of(rows), codes, None if links is None else links.of_rows(rows))
    guesses = np.full(len(queries), -1)
    guesses[some] = first.guesses()
    if (guesses >= 0).any():
        space = WithinClassWhitening(seed=seed).fit(
            gallery, codes, unlabelled=query_rows, guesses=guesses, earlier=space, width=pictures.dim
        )
    rows = np.concatenate([shots, queries])
    return _evidence_in(space, pictures.of(rows), codes, None if links is None else links.of_rows(rows))


def _evidence_in(
    space: WithinClassWhitening, pictures: CentredRows, codes: Ints, links: MatchLinks | None
) -> tuple[Evidence, Any]:
    """Gather evidence in an adapted space; `pictures` are the gallery, of classes `codes`, then the queries."""
    n_shots = len(codes)
    nodes = _adapted(pictures, space)
    graph = neighbour_graph(nodes, None if links is None else links.edges)
    means = unit_rows(class_means(nodes[:n_shots], codes))
    rows = nodes[n_shots:]
    nearest_prototypes, _ = nearest(rows, means, CANDIDATES)
    kept, mass, mass_of_prototypes = propagate(graph, codes, CANDIDATES, extra=nearest_prototypes)
    twice = (nearest_prototypes[:, :, None] == kept[:, None, :]).any(axis=2)
    candidates = np.concatenate([kept, np.where(twice, -1, nearest_prototypes)], axis=1)
    cosine = np.empty(candidates.shape, np.float32)
    for part in blocks(len(rows), candidates.shape[1] * rows.shape[1]):
        cosine[part] = np.einsum("nd,nkd->nk", rows[part], means[candidates[part]])
    none = candidates < 0
    every_mass = np.where(none, 0, np.concatenate([mass, mass_of_prototypes], axis=1))
    sources = np.concatenate([source_mass(codes), np.zeros(len(rows), np.float32)])
    total_mass = diffuse(graph, sources)[n_shots:]
    hubness = _hubness(nodes[:n_shots], codes, rows, means)
    lift = None if links is None else links.best_lift(codes, candidates)
    evidence = Evidence(candidates, every_mass, np.where(none, np.float32(-1), cosine), total_mass, hubness, lift)
    return evidence, graph


def _adapted(pictures: CentredRows, space: WithinClassWhitening) -> Floats:
    nodes = np.empty((len(pictures), space.map_.shape[1]), np.float32)
    for part in blocks(len(pictures), space.n_features_in_):
        nodes[part] = space.map_rows(pictures[part])
    return nodes


def _hubness(shots: Floats, codes: Ints, rows: Floats, means: Floats) -> Floats:
    """Measure how similar its nearest rows are to each class mean; shots of other classes where rows are too few.

    Source: the hubness correction of Conneau et al., Word translation without parallel data, ICLR 2018.
    """
    if len(rows) >= len(means):
        return _nearest_similarity(means, rows)
    hubness = np.full(len(means), -1, np.float32)
    if len(means) == 1:
        return hubness
    n_top = int(np.clip(len(shots) // len(means), 1, 5))
    order = np.argsort(codes, kind="stable")
    sorted_codes = codes[order]
    for part in blocks(len(means), 3 * len(shots)):  # of similarities, their negatives, and these in another order
        similarity = means[part] @ shots.T
        begin, end = np.searchsorted(sorted_codes, [part.start, part.stop])
        own = order[begin:end]
        similarity[codes[own] - part.start, own] = -1
        hubness[part] = -np.partition(-similarity, n_top - 1, axis=1)[:, :n_top].mean(axis=1)
    return hubness


def _nearest_similarity(means: Floats, rows: Floats) -> Floats:
    _, similarity = nearest(means, rows, int(np.clip(len(rows) // len(means), 1, 5)))
    hubness: Floats = similarity.mean(axis=1)
    return hubness


@dataclass(frozen=True)
class GalleryEvidence:
    """What a gallery alone says of a query: as if labels had spread by one step.

    Attributes
    ----------
    space : the adapted space
    gallery_embeddings : (n_pictures, n_components) unit rows in it
    codes : (n_pictures,) their classes
    means : (n_classes, n_components) unit rows
    hubness : (n_classes,)
    """

    space: WithinClassWhitening
    gallery_embeddings: Floats
    codes: Ints
    means: Floats
    hubness: Floats

    @classmethod
    def of(cls, gallery_embeddings: Floats, codes: Ints, seed: int) -> Self:
        """Whiten a gallery (n_pictures, dim) and take its classes' means; codes 0 to n_classes - 1, none missing."""
        space = WithinClassWhitening(seed=seed).fit(gallery_embeddings, codes)
        shots = space.map_rows(gallery_embeddings)
        means = unit_rows(class_means(shots, codes))
        return cls(space, shots, codes, means, _hubness(shots, codes, shots[:0], means))

    def on(self, query_embeddings: Floats) -> Evidence:
        """Give the evidence on each of the queries (n, dim) by itself."""
        candidates = min(NEIGHBOURS, len(self.gallery_embeddings)) + min(CANDIDATES, len(self.means))
        codes = np.empty((len(query_embeddings), candidates), np.int64)
        mass, cosine = np.empty((2, len(query_embeddings), candidates), np.float32)
        total_mass = np.empty(len(query_embeddings), np.float32)
        for part in blocks(len(query_embeddings), max(query_embeddings.shape[1], candidates * self.means.shape[1])):
            codes[part], mass[part], cosine[part], total_mass[part] = self._on(
                self.space.map_rows(query_embeddings[part])
            )
        return Evidence(codes, mass, cosine, total_mass, self.hubness)

    def _on(self, rows: Floats) -> tuple[Ints, Floats, Floats, Floats]:
        """Give candidates, mass, cosine and total mass of some queries, unit rows in the space."""
        nearest_prototypes, _ = nearest(rows, self.means, CANDIDATES)
        row, similarity = nearest(rows, self.gallery_embeddings, NEIGHBOURS)
        weight = np.maximum(similarity, 0) ** 3
        total_mass = weight.sum(axis=1)
        voted = self.codes[row]
        first = np.tril(voted[:, :, None] == voted[:, None, :], -1).any(axis=2) | (voted < 0)
        candidates = np.concatenate([np.where(first, -1, voted), nearest_prototypes], axis=1)
        among = (nearest_prototypes[:, :, None] == voted[:, None, :]).any(axis=2)
        candidates[:, voted.shape[1] :] = np.where(among, -1, nearest_prototypes)
        votes = ((candidates[:, :, None] == voted[:, None, :]) * weight[:, None, :]).sum(axis=2)
        none = candidates < 0
        cosine = np.where(none, -1, np.einsum("nd,nkd->nk", rows, self.means[candidates]))
        mass = np.where(none, 0, votes / np.maximum(total_mass, NO_MASS)[:, None])
        return candidates, mass.astype(np.float32), cosine.astype(np.float32), total_mass

"""Whether two pictures are of one class, by their embeddings and their match score, as pairs of the gallery show it.

Source of the idea: WildFusion, Cermak, Picek, Adam, Neumann & Matas, ECCV workshops 2024, which calibrates the scores
of global and local features before it adds them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.labels import ignore_convergence
from fieldguide.recognition.neighbours import blocks

FOLDS = 5
MOST_UNMATCHED = 100_000  # pairs of different classes without a match score; of more, a sample stands for all
MOST_SAME = 100_000  # pairs of one class
LEAST_SAME = 10  # pairs of one class; fewer teach nothing
LEAST_CLASSES = 5  # that have such pairs
STANDARD_ERRORS = 1.0  # by which match scores must make pairs of unseen classes likelier


@dataclass(frozen=True)
class SameClass:
    """Log odds that two pictures are of one class: linear in their cosine and the log of 1 + their match score.

    Attributes
    ----------
    intercept, cosine, match : of the sum
    gain : nats by which match scores make pairs of an unseen class likelier, a class
    error : standard error of that
    """

    intercept: float
    cosine: float
    match: float
    gain: float
    error: float

    @property
    def gains(self) -> bool:
        """Whether match scores say more than chance would have them."""
        return self.match > 0 and self.gain > STANDARD_ERRORS * self.error

    @classmethod
    def fit(cls, pictures: CentredRows, codes: Ints, encounters: Ints, scores: Any, seed: int) -> Self | None:
        """Learn from the pairs of a gallery.

        Parameters
        ----------
        pictures : n of them, of the gallery
        codes : (n,) their classes
        encounters : (n,) two pictures of one are no pair to learn from: they share the background too
        scores : (n, n) CSR, symmetric, match scores
        seed : of the samples

        Returns
        -------
        The model; None where too few classes have several pictures.
        """
        pairs = _Pairs.of(codes, encounters, scores, seed)
        if pairs.same.sum() < LEAST_SAME or len(np.unique(codes[pairs.first[pairs.same]])) < LEAST_CLASSES:
            return None
        features = np.column_stack([cosines(pictures, pairs.first, pairs.second), np.log1p(pairs.score)])
        full = _fitted(features, pairs)
        lift = np.zeros(len(pairs.same))
        group = codes[pairs.first]
        for seen, unseen in GroupKFold(FOLDS, shuffle=True, random_state=0).split(features, pairs.same, group):
            if len(np.unique(pairs.same[seen])) < 2:
                continue
            likelihood, alone = (
                _log_likelihood(_fitted(some[seen], pairs.of_rows(seen)), some[unseen], pairs.same[unseen])
                for some in (features, features[:, :1])
            )
            lift[unseen] = (likelihood - alone) * pairs.weight[unseen]
        a_class = np.bincount(np.unique(group, return_inverse=True)[1], lift)
        cosine, match = full.coef_[0]
        error = float(a_class.std(ddof=1) / np.sqrt(len(a_class)))
        return cls(float(full.intercept_[0]), float(cosine), float(match), float(a_class.mean()), error)

    def lift(self, scores: Anything) -> Floats:
        """Give by how much match scores (n,) raise the log odds."""
        raised: Floats = (self.match * np.log1p(scores)).astype(np.float32)
        return raised

    def raised(self, cosine: Anything, scores: Anything) -> Floats:
        """Give by how much match scores (n,) raise the probability, beside the cosines (n,) alone."""
        before = self.intercept + self.cosine * cosine
        more: Floats = (expit(before + self.lift(scores)) - expit(before)).astype(np.float32)
        return more


def cosines(pictures: CentredRows, first: Ints, second: Ints) -> Floats:
    """Give the cosines of pairs of pictures, (n,)."""
    found = np.empty(len(first), np.float32)
    for part in blocks(len(first), 2 * pictures.dim):
        found[part] = np.einsum("nd,nd->n", pictures[first[part]], pictures[second[part]])
    return found


@dataclass(frozen=True)
class _Pairs:
    first: Ints
    second: Ints
    same: Flags
    score: Floats
    weight: Anything

    @classmethod
    def of(cls, codes: Ints, encounters: Ints, scores: Any, seed: int) -> Self:
        """Take all pairs of one class, all with a score, and a sample of the others that weighs as much as all."""
        rng = np.random.default_rng(seed)
        n = len(codes)
        own = np.unique(np.concatenate([np.zeros(0, np.int64), *_pairs_within(codes, rng)]))
        own = own[encounters[own // n] != encounters[own % n]]
        upper = scores.tocoo()
        above = (upper.row < upper.col) & (upper.data > 0) & (encounters[upper.row] != encounters[upper.col])
        matched = upper.row[above].astype(np.int64) * n + upper.col[above]
        drawn = rng.integers(0, n, (2, 2 * MOST_UNMATCHED))
        low, high = drawn.min(axis=0), drawn.max(axis=0)
        other = np.setdiff1d((low * n + high)[codes[low] != codes[high]], matched)
        other = other[np.sort(rng.permutation(len(other))[:MOST_UNMATCHED])]
        known = np.union1d(own, matched)
        n_other = n * (n - 1) / 2 - len(known)
        pairs = np.concatenate([known, other])
        first, second = pairs // n, pairs % n
        weight = np.concatenate([np.ones(len(known)), np.full(len(other), n_other / max(len(other), 1))])
        score = np.zeros(len(pairs), np.float32)
        place = np.searchsorted(pairs[: len(known)], matched)
        score[place] = upper.data[above]
        return cls(first, second, codes[first] == codes[second], score, weight)

    def of_rows(self, rows: Ints) -> "_Pairs":
        return _Pairs(self.first[rows], self.second[rows], self.same[rows], self.score[rows], self.weight[rows])


def _pairs_within(codes: Ints, rng: np.random.Generator) -> Iterator[Ints]:
    """Give the pairs of each class as first * n + second; of large classes, some."""
    n, sizes = len(codes), np.bincount(codes)
    most = int(np.sqrt(2 * MOST_SAME / max((sizes > 1).sum(), 1))) + 2
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.cumsum(sizes)[:-1]):
        some = np.sort(rng.permutation(rows)[:most]) if len(rows) > most else rows
        low, high = np.triu_indices(len(some), 1)
        yield some[low] * n + some[high]


def _fitted(features: Anything, pairs: _Pairs) -> LogisticRegression:
    with ignore_convergence():
        return LogisticRegression(C=10.0).fit(features, pairs.same, sample_weight=pairs.weight)


def _log_likelihood(model: LogisticRegression, features: Anything, same: Flags) -> Anything:
    log_probability: Anything = model.predict_log_proba(features)
    likelihood: Anything = log_probability[np.arange(len(same)), same.astype(int)]
    return likelihood

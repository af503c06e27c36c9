"""The adapted space: embeddings bent so that the pictures of one class lie close, whatever else varies.

Both steps are scikit-learn transformers of their own and work in its pipelines.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.linalg import eigh
from scipy.linalg.lapack import dtrtri
from scipy.sparse import csr_matrix, diags
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import blocks, nearest, unit_rows

PAIRS_FROM = 4000  # rows; pairs among these say enough, and their search stays short
AXES_FROM = 1000  # rows; enough for directions that count only where the gallery has too few
GUESSES = 3000  # pictures with a guessed class that are looked at
SAMPLE_SHARE = 0.01  # weight of all pictures beside those of known classes, in which directions matter
TINY = 1e-12


class PowerCentring(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Signed power, centring, unit rows.

    The power takes weight from the few features that are large in many pictures; centring makes directions tell
    pictures apart that all lie in one corner, as those of a network with ReLU do.

    Parameters
    ----------
    power : x becomes sign(x) |x|**power; features may be negative

    Attributes
    ----------
    mean_ : (dim,) of the powers
    n_samples_seen_ : rows it is the mean of

    Source: F. Perronnin, J. Sánchez, T. Mensink, Improving the Fisher kernel, ECCV 2010 (power normalisation).
    """

    def __init__(self, power: float = 0.5) -> None:
        self.power = power

    def fit(self, X: Anything, y: object = None) -> Self:
        """Take the centre of X (n, dim): best of gallery and queries together."""
        X = validate_data(self, X)
        self.n_samples_seen_, self.mean_ = 0, np.zeros(X.shape[1], np.float32)
        return self._see(X)

    def partial_fit(self, X: Anything, y: object = None) -> Self:
        """Take the centre of X (n, dim) and of all rows seen before."""
        first = not hasattr(self, "n_samples_seen_")
        return self.fit(X) if first else self._see(validate_data(self, X, reset=False))

    def transform(self, X: Anything) -> Floats:
        """Map X (n, dim) to unit rows of the same shape."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        centred = np.empty(X.shape, np.float32)
        for part in blocks(*X.shape):
            centred[part] = unit_rows(self._powers(X[part]) - self.mean_)
        return centred

    def __sklearn_tags__(self) -> Any:
        return _always_float32(super().__sklearn_tags__())

    def _see(self, X: Anything) -> Self:
        seen = self.n_samples_seen_ * self.mean_.astype(np.float64)
        for part in blocks(*X.shape):
            seen = seen + self._powers(X[part]).sum(axis=0, dtype=np.float64)
        self.n_samples_seen_ += len(X)
        self.mean_ = (seen / self.n_samples_seen_).astype(np.float32)
        return self

    def _powers(self, X: Anything) -> Floats:
        powers: Floats = (np.sign(X) * np.abs(X) ** self.power).astype(np.float32)
        return powers


class WithinClassWhitening(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Whitening by how pictures of one class differ, then the directions in which classes differ most.

    With few shots that scatter is poorly known. It is pooled with the scatter of near pairs of any pictures, which
    needs no labels, so that one shot a class works too; with that of pictures whose class is guessed, if there are
    guesses; and shrunk towards a sphere, the more the fewer shots.

    Parameters
    ----------
    pair_weight : how many degrees of freedom the near pairs are worth
    guess_weight : how many the guesses are worth, at most
    ridge : how many the sphere is worth
    dim : directions kept, at most
    seed : of the samples of rows that are looked at

    Attributes
    ----------
    map_ : (n_features, n_components)
    shrinkage_ : weight of the sphere, 0 to 1

    Sources: within-class covariance normalisation, Hatch, Kajarekar & Stolcke, Interspeech 2006; whitening learned
    from near pairs, Mikolajczyk & Matas, ICCV 2007; shrinkage by degrees of freedom, Friedman, Regularized
    discriminant analysis, JASA 1989.
    """

    def __init__(
        self,
        pair_weight: float = 150.0,
        guess_weight: float = 300.0,
        ridge: float = 150.0,
        dim: int = 256,
        seed: int = 0,
    ) -> None:
        self.pair_weight = pair_weight
        self.guess_weight = guess_weight
        self.ridge = ridge
        self.dim = dim
        self.seed = seed

    def fit(
        self,
        X: Anything,
        y: Anything,
        unlabelled: Any | None = None,
        guesses: Ints | None = None,
        earlier: "WithinClassWhitening | None" = None,
    ) -> Self:
        """Find the map.

        Parameters
        ----------
        X : (n, dim) embeddings
        y : (n,) their classes
        unlabelled : (m, dim) more embeddings, for near pairs; only a sample of its rows is indexed
        guesses : (m,) the place of each one's class among the sorted classes, -1 where there is no guess
        earlier : a map in whose space near pairs are sought, if there is one
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        codes = np.unique(y, return_inverse=True)[1]
        others = X[:0] if unlabelled is None else unlabelled
        sample, n_shots = self._sample(X, others)
        within, freedom = within_class_scatter(X, codes)
        pair_weight = min(self.pair_weight, len(sample) - n_shots)  # a few queries alone say little of pairs
        if earlier is not None:
            guide = earlier.transform(sample)
        else:
            shrinkage = self.ridge / (self.ridge + freedom + pair_weight)
            guide = unit_rows(sample @ _whitener(within, shrinkage)) if freedom else sample
        parts = [(within, float(freedom)), (_near_pair_scatter(sample, guide, n_shots), pair_weight)]
        shown = X
        if guesses is not None:
            guessed = self._guessed(guesses)
            shown = np.concatenate([X, np.asarray(others[guessed], np.float32)])
            scatter, df = within_class_scatter(shown, np.concatenate([codes, guesses[guessed]]))
            parts.append((scatter, float(min(len(guessed), df, self.guess_weight))))
        pooled, weight = _pool(parts)
        self.shrinkage_ = self.ridge / (self.ridge + weight)
        self.map_ = _whitener(pooled, self.shrinkage_)
        if self.dim < X.shape[1]:
            some = sample[:: max(1, len(sample) // AXES_FROM)]
            self.map_ = self.map_ @ _principal_axes(shown @ self.map_, some @ self.map_, self.dim)
        return self

    def transform(self, X: Anything) -> Floats:
        """Map X (n, dim) to unit rows (n, n_components)."""
        check_is_fitted(self)
        return unit_rows(validate_data(self, X, reset=False, dtype=np.float32) @ self.map_)

    def __sklearn_tags__(self) -> Any:
        return _always_float32(super().__sklearn_tags__())

    def _guessed(self, guesses: Ints) -> Ints:
        """Draw rows of pictures with a guessed class."""
        return np.random.default_rng(self.seed).permutation(np.flatnonzero(guesses >= 0))[:GUESSES]

    def _sample(self, X: Floats, others: Any) -> tuple[Floats, int]:
        """Draw rows among which near pairs are sought; the first of them, as many as said, are labelled."""
        rng = np.random.default_rng(self.seed)
        shots = rng.permutation(len(X))[: PAIRS_FROM // 4 if len(others) else PAIRS_FROM]
        rest = rng.permutation(len(others))[: PAIRS_FROM - len(shots)]
        return np.concatenate([X[shots], np.asarray(others[rest], np.float32)]), len(shots) if len(others) else 0


def _always_float32(tags: Any) -> Any:
    tags.transformer_tags.preserves_dtype = ["float32"]
    return tags


def _pool(parts: Sequence[tuple[Floats, float]]) -> tuple[Floats, float]:
    """Give the mean of scatters by their degrees of freedom, each scaled to the size of the first that has any."""
    present = [(scatter, freedom) for scatter, freedom in parts if freedom > 0 and np.trace(scatter) > TINY]
    if not present:
        return parts[0]
    size = np.trace(present[0][0])
    total = sum(freedom for _, freedom in present)
    pooled = np.zeros_like(present[0][0])
    for scatter, freedom in present:
        pooled += scatter * np.float32(freedom / total * size / np.trace(scatter))
    return pooled, total


def within_class_scatter(X: Floats, codes: Ints) -> tuple[Floats, int]:
    """Covariance of pictures about their class's mean, and its degrees of freedom: 0 if no class has two pictures.

    Parameters
    ----------
    X : (n, dim)
    codes : (n,) classes, 0 to n_classes - 1
    """
    size = np.bincount(codes)
    several = size[codes] > 1
    means = class_means(X, codes)
    # n / (n - 1): the residuals of few pictures are too short, as their mean is their own
    residuals = (X - means[codes])[several] * np.sqrt(size[codes] / np.maximum(size[codes] - 1, 1))[several, None]
    scatter = (residuals.T @ residuals / max(len(residuals), 1)).astype(np.float32)
    return scatter, int(several.sum() - (size > 1).sum())


def class_means(X: Floats, codes: Ints) -> Floats:
    """Mean of the rows of each class, (n_classes, dim)."""
    size = np.bincount(codes)
    picks = csr_matrix((1 / size[codes].astype(np.float32), (codes, np.arange(len(codes)))), (len(size), len(codes)))
    means: Floats = picks @ X
    return means


def _near_pair_scatter(rows: Floats, guide: Floats, n_shots: int, k: int = 5) -> Floats:
    """Covariance of half the differences of rows that are near in `guide`; pairs of labelled rows count nothing."""
    index, similarity = nearest(guide, guide, k, same_from=0)
    weight = np.maximum(similarity, 0) ** 3
    weight[:n_shots][index[:n_shots] < n_shots] = 0
    starts = np.repeat(np.arange(len(rows)), index.shape[1])
    pairs = csr_matrix((weight.ravel(), (starts, index.ravel())), (len(rows), len(rows)))
    pairs = pairs + pairs.T
    # The sum of w (a - b)(a - b)' over all pairs is X' (D - W) X: one product instead of one a neighbour
    laplacian = (diags(np.asarray(pairs.sum(axis=1)).ravel()) - pairs).astype(np.float32)
    scatter: Floats = rows.T @ (laplacian @ rows)
    return scatter / np.float32(max(2 * weight.sum(), TINY))


def _whitener(scatter: Anything, shrinkage: float) -> Floats:
    """Find a map under which a covariance, shrunk towards a sphere of the same size, becomes that of the unit sphere.

    Any such map does, as only angles are looked at after it; Cholesky's takes a twentieth of the symmetric one's time.
    """
    size = float(np.trace(scatter)) / len(scatter)
    sphere = np.eye(len(scatter), dtype=np.float64)
    if size <= TINY:
        return sphere.astype(np.float32)
    lower = np.linalg.cholesky((1 - shrinkage) * scatter / size + shrinkage * sphere)
    return np.asarray(dtrtri(lower, lower=1)[0].T, dtype=np.float32)


def _principal_axes(shown: Floats, sample: Floats, dim: int) -> Floats:
    """Find the `dim` directions, (n_features, dim), in which pictures of known classes vary most.

    They hold what tells the known classes apart; those of all pictures would also hold what tells distractors apart.
    Where there are fewer of them than directions, those in which a sample of all varies come next.
    """
    n = shown.shape[1]
    shown, sample = unit_rows(shown), unit_rows(sample)
    spread = shown.T @ shown / len(shown) + np.float32(SAMPLE_SHARE) * (sample.T @ sample) / len(sample)
    axes: Floats = eigh(spread, subset_by_index=(n - dim, n - 1))[1]
    return axes

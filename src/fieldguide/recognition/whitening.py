"""Within-class whitening: embeddings bent so that the pictures of one class lie close, whatever else varies.

It is a scikit-learn transformer and works in its pipelines.
"""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.linalg.lapack import dtrtri
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import blocks, unit_rows
from fieldguide.recognition.scatter import near_pair_scatter, pooled_scatter, within_class_scatter
from fieldguide.recognition.span import Span, is_wide

PAIRS_FROM = 4000  # rows; pairs among these say enough, and their search stays short
AXES_FROM = 1000  # rows; enough for directions that count only where the gallery has too few
GUESSES = 3000  # pictures with a guessed class that are used
SAMPLE_SHARE = 0.01  # weight of all pictures beside those of known classes, in which directions matter
NOTHING_VARIES = 1e-6  # mean squared length of differences between unit rows; below are rounding errors alone


class WithinClassWhitening(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
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
    seed : of the samples of rows that are used

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
        X: ArrayLike,
        y: ArrayLike,
        unlabelled: Any | None = None,
        guesses: Ints | None = None,
        earlier: "WithinClassWhitening | None" = None,
        width: int | None = None,
    ) -> Self:
        """Find the map.

        Parameters
        ----------
        X : (n, dim) embeddings
        y : (n,) their classes
        unlabelled : (m, dim) more embeddings, for near pairs; only a sample of its rows is indexed
        guesses : (m,) the place of each one's class among the sorted classes, -1 where there is no guess
        earlier : a map in whose space near pairs are sought, if there is one
        width : how many numbers an embedding had before it was given by its coordinates in a span, if it was: the
            sphere has as many directions
        """
        labelled, labels = validate_data(self, X, y, dtype=np.float32)
        codes = np.unique(labels, return_inverse=True)[1]
        others = labelled[:0] if unlabelled is None else unlabelled
        dim = labelled.shape[1]
        width = dim if width is None else width
        rows, n_shots = self._sample(labelled, others)
        sample = _Sample(rows, n_shots, None if earlier is None else earlier.map_rows(rows))
        guessed = None if guesses is None else self._guessed(others, guesses)
        n_rows = len(labelled) + len(others)
        if not (is_wide(n_rows, dim) and dim > self.dim):
            self.map_ = self._map(labelled, codes, sample, guessed, width)
            return self
        spanning = [labelled, rows[n_shots:]] if len(others) else [labelled]  # without others the sample is of these
        if guessed is not None:
            spanning.append(guessed.rows)
        span = Span.of(spanning, sum(map(len, spanning)), self.seed)
        sample = replace(sample, rows=span.coordinates(rows))
        guessed = guessed and replace(guessed, rows=span.coordinates(guessed.rows))
        self.map_ = span.basis @ self._map(span.coordinates(labelled), codes, sample, guessed, width)
        return self

    def _map(self, X: Floats, codes: Ints, sample: "_Sample", guessed: "_Guessed | None", width: int) -> Floats:
        """Find the map from labelled rows, the sample for near pairs, and rows with guessed classes."""
        tiny = NOTHING_VARIES * float(np.vdot(sample.rows, sample.rows)) / len(sample.rows)
        within, freedom = within_class_scatter(X, codes)
        pair_weight = min(self.pair_weight, len(sample.rows) - sample.n_shots)  # a few queries alone say little
        search_rows = sample.in_earlier
        if search_rows is None:
            shrinkage = self.ridge / (self.ridge + freedom + pair_weight)
            search_rows = unit_rows(sample.rows @ _whitener(within, shrinkage, width, tiny)) if freedom else sample.rows
        parts = [(within, float(freedom)), (near_pair_scatter(sample.rows, search_rows, sample.n_shots), pair_weight)]
        known = X
        if guessed is not None:
            known = np.concatenate([X, guessed.rows])
            scatter, df = within_class_scatter(known, np.concatenate([codes, guessed.codes]))
            parts.append((scatter, float(min(len(guessed.rows), df, self.guess_weight))))
        pooled, weight = pooled_scatter(parts, tiny)
        self.shrinkage_ = self.ridge / (self.ridge + weight)
        found = _whitener(pooled, self.shrinkage_, width, tiny)
        if self.dim < X.shape[1]:
            some = sample.rows[:: max(1, len(sample.rows) // AXES_FROM)]
            found = found @ _principal_axes(known, some, found, self.dim)
        return found

    def transform(self, X: ArrayLike) -> Floats:
        """Map X (n, dim) to unit rows (n, n_components)."""
        return self.map_rows(X)

    def map_rows(self, X: ArrayLike) -> Floats:
        """Do the same, but always give an array, whatever `set_output` asks for."""
        check_is_fitted(self)
        return unit_rows(validate_data(self, X, reset=False, dtype=np.float32) @ self.map_)

    @property
    def _n_features_out(self) -> int:
        return int(self.map_.shape[1])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _guessed(self, others: Any, guesses: Ints) -> "_Guessed":
        """Draw some of the pictures with a guessed class."""
        drawn = np.random.default_rng(self.seed).permutation(np.flatnonzero(guesses >= 0))[:GUESSES]
        return _Guessed(np.asarray(others[drawn], np.float32), guesses[drawn])

    def _sample(self, X: Floats, others: Any) -> tuple[Floats, int]:
        """Draw rows among which near pairs are sought; the first of them, as many as said, are labelled."""
        rng = np.random.default_rng(self.seed)
        shots = rng.permutation(len(X))[: PAIRS_FROM // 4 if len(others) else PAIRS_FROM]
        rest = rng.permutation(len(others))[: PAIRS_FROM - len(shots)]
        return np.concatenate([X[shots], np.asarray(others[rest], np.float32)]), len(shots) if len(others) else 0


@dataclass(frozen=True)
class _Sample:
    """Rows among which near pairs are sought, the first `n_shots` labelled, and the same rows in an earlier space."""

    rows: Floats
    n_shots: int
    in_earlier: Floats | None


@dataclass(frozen=True)
class _Guessed:
    """Rows with the codes of the classes that they are guessed to be of."""

    rows: Floats
    codes: Ints


def _whitener(scatter: Anything, shrinkage: float, width: int, tiny: float) -> Floats:
    """Find a map under which a covariance, shrunk towards a sphere of the same size, becomes that of the unit sphere.

    Any such map does, as only angles matter after it; Cholesky's takes a twentieth of the symmetric one's time.
    """
    size = float(np.trace(scatter)) / width
    sphere = np.eye(len(scatter), dtype=np.float64)
    if size * width <= tiny:
        return sphere.astype(np.float32)
    shrunk = (1 - shrinkage) * scatter / size + shrinkage * sphere
    try:
        lower = np.linalg.cholesky(shrunk)
    except np.linalg.LinAlgError:  # rounding errors of a scatter that has hardly any rank outweigh the sphere
        value, axes = np.linalg.eigh(shrunk)
        return np.asarray(axes / np.sqrt(np.maximum(value, shrinkage)), dtype=np.float32)
    return np.asarray(dtrtri(lower, lower=1)[0].T, dtype=np.float32)


def _principal_axes(known: Floats, sample: Floats, whitener: Floats, dim: int) -> Floats:
    """Find the `dim` directions, (n_features, dim), in which pictures of known classes vary most once whitened.

    They hold what tells the known classes apart; those of all pictures would also hold what tells distractors apart.
    Where there are fewer of them than directions, those in which a sample of all varies come next.
    """
    n = known.shape[1]
    of_shown, of_sample = _second_moment(known, whitener), _second_moment(sample, whitener)
    spread = of_shown / len(known) + np.float32(SAMPLE_SHARE) * of_sample / len(sample)
    axes: Floats = eigh(spread, subset_by_index=(n - dim, n - 1))[1]
    return axes


def _second_moment(rows: Floats, whitener: Floats) -> Floats:
    """Sum of x x' over rows, whitened and of unit length; (n_features, n_features)."""
    moment = np.zeros((rows.shape[1],) * 2, np.float32)
    for part in blocks(*rows.shape):
        unit = unit_rows(rows[part] @ whitener)
        moment += unit.T @ unit
    return moment

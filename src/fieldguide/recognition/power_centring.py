"""Power normalisation and centring: embeddings without what all pictures share.

It is a scikit-learn transformer and works in its pipelines.
"""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fieldguide.core.arrays import Anything, Floats
from fieldguide.recognition.neighbours import as_floats, blocks, unit_rows

ROUNDING = 4 * float(np.finfo(np.float32).eps)


class PowerCentring(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Signed power, centring, unit rows.

    The power takes weight from the few features that are large in many pictures; centring makes directions separate
    pictures that all lie in one corner, as those of a network with ReLU do.

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

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Take the centre of X (n, dim): best of gallery and queries together."""
        rows = validate_data(self, X)
        self.n_samples_seen_, self.mean_ = 0, np.zeros(rows.shape[1], np.float32)
        return self._update_mean(rows)

    def partial_fit(self, X: ArrayLike, y: object = None) -> Self:
        """Take the centre of X (n, dim) and of all rows seen before."""
        first = not hasattr(self, "n_samples_seen_")
        return self.fit(X) if first else self._update_mean(validate_data(self, X, reset=False))

    def transform(self, X: ArrayLike) -> Floats:
        """Map X (n, dim) to unit rows of the same shape."""
        return self.map_rows(X)

    def map_rows(self, X: ArrayLike) -> Floats:
        """Do the same, but always give an array, whatever `set_output` asks for."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False)
        centred = np.empty(rows.shape, np.float32)
        for part in blocks(*rows.shape):
            powers = self._powers(rows[part])
            about = powers - self.mean_
            # What is left of a row that is the centre itself are rounding errors: no direction
            at_centre = np.abs(about).max(axis=1) <= ROUNDING * np.abs(powers).max(axis=1)
            about[at_centre] = 0
            centred[part] = unit_rows(about)
        return centred

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _update_mean(self, X: Anything) -> Self:
        seen = self.n_samples_seen_ * self.mean_.astype(np.float64)
        for part in blocks(*X.shape):
            seen = seen + self._powers(X[part]).sum(axis=0, dtype=np.float64)
        self.n_samples_seen_ += len(X)
        self.mean_ = (seen / self.n_samples_seen_).astype(np.float32)
        return self

    def _powers(self, X: Anything) -> Floats:
        X = as_floats(X)
        powers: Floats = (np.sign(X) * np.abs(X) ** self.power).astype(np.float32)
        return powers

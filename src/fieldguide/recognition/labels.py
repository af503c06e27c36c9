"""Labels as codes, checked as scikit-learn wants them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets

from fieldguide.core.arrays import Anything, Ints
from fieldguide.recognition.ranking import UNKNOWN_LABEL

FLOATS = (np.float32, np.float64)  # what embeddings are taken as; whole numbers and half floats become the first


def encode(y: Anything) -> tuple[Anything, Ints]:
    """Give the classes, sorted, and the code of each label among them.

    Raises
    ------
    ValueError : these are numbers to be predicted, not labels, or one is the unknown label.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")  # one shot a class is a good gallery
        check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if classes.dtype.kind in "OSU":  # numbers are refused by `check_rank`: scikit-learn has two classes be -1 and 1
        _refuse_unknown(classes)
    return classes, codes


@contextmanager
def ignore_convergence() -> Iterator[None]:
    """Silence the warning of a regression that stopped before it converged: odd rows cause it, and it does no harm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def check_rank(classes: Anything, k: int) -> None:
    """Check what a recognizer is about to rank.

    Raises
    ------
    ValueError : k is below 1, or a class has the name of the unknown label.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    _refuse_unknown(classes)


def _refuse_unknown(classes: Anything) -> None:
    if any(str(label) == UNKNOWN_LABEL for label in classes):
        raise ValueError(
            f"{UNKNOWN_LABEL} is the unknown label, and cannot be a class: leave these rows out, or give those of "
            "labelled distractors as fit(X, y, distractors=rows); or call the class otherwise"
        )

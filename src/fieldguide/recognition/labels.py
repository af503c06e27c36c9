"""Labels as codes, checked as scikit-learn wants them."""

import warnings

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from fieldguide.arrays import Anything, Ints


def encode(y: Anything) -> tuple[Anything, Ints]:
    """Give the classes, sorted, and the code of each label among them.

    Raises
    ------
    ValueError : these are numbers to be predicted, not labels.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes")  # one shot a class is a good gallery
        check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes

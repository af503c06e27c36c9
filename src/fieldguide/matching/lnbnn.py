"""Matches between the keypoints of all pictures: each keypoint's neighbours, by how much nearer they are than others.

Source: local naive Bayes nearest neighbours (McCann & Lowe, CVPR 2012) as HotSpotter has them: Crall, Stewart,
Berger-Wolf, Rubenstein & Sundaresan, HotSpotter, patterned species instance recognition, WACV 2013.
"""

from typing import Any

import numpy as np

from fieldguide.core.arrays import Anything, Bytes, Floats, Ints
from fieldguide.matching.described import DescribedPictures, Matches

NEIGHBOURS = 10  # of a keypoint in other pictures; the one after them says how near keypoints are that do not match
OWN = 3  # more are sought, as keypoints of the same picture may be among them, which do not count
EXACT_UP_TO = 60_000  # keypoints; there an exact search takes some seconds
KEYPOINTS_A_LIST = 384
LISTS_SEARCHED = 4  # of pairs of one coat it finds 74 in 100, where 6 lists find 75 in a third more time
TRAINED_ON = 32  # keypoints a list
AT_ONCE = 8_192  # keypoints searched in one call
UNIT = 512.0  # length of a descriptor: weights do not depend on it


def nearest_matches(pictures: DescribedPictures) -> Matches:
    """Match the keypoints of all pictures, each weighing what its distance is less than that to the 11th.

    Two keypoints that are each other's neighbours are one match, which weighs what both do together.

    Parameters
    ----------
    pictures : at least two with keypoints, or there is no match
    """
    owner = pictures.pictures()
    n = len(owner)
    if n < 2:
        return Matches(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    index, found = _index(pictures.descriptors), []
    for start in range(0, n, AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, n))
        squared, near = index.search(_as_rows(pictures.descriptors[rows]), min(NEIGHBOURS + 1 + OWN, n))
        found.append(_weighed(rows, squared, near, owner))
    starts, ends, weights = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _both_ways(starts, ends, weights, owner, n)


def _index(descriptors: Bytes) -> Any:
    """Make the index of all keypoints: exact of few, of more an inverted file over bytes as they are."""
    import faiss

    n, dim = descriptors.shape
    quantizer = faiss.ScalarQuantizer.QT_8bit_direct
    if n <= EXACT_UP_TO:
        index: Any = faiss.IndexFlatL2(dim)
    else:
        n_lists = n // KEYPOINTS_A_LIST
        index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatL2(dim), dim, n_lists, quantizer, faiss.METRIC_L2, False)
        index.cp.niter, index.cp.min_points_per_centroid, index.cp.max_points_per_centroid = 4, 1, TRAINED_ON
        some = np.random.default_rng(0).permutation(n)[: TRAINED_ON * n_lists]
        index.train(_as_rows(descriptors[np.sort(some)]))
        index.nprobe = LISTS_SEARCHED
    for start in range(0, n, AT_ONCE):
        index.add(_as_rows(descriptors[start : start + AT_ONCE]))
    return index


def _as_rows(descriptors: Bytes) -> Floats:
    return descriptors.astype(np.float32)


def _weighed(rows: Ints, squared: Floats, near: Ints, owner: Ints) -> tuple[Ints, Ints, Floats]:
    """Weigh the neighbours of some keypoints; those of the same picture, and those after the tenth, are none."""
    distance = np.sqrt(np.maximum(squared, 0)) / UNIT
    other = (near >= 0) & (owner[np.maximum(near, 0)] != owner[rows][:, None])
    place = np.where(other, other.cumsum(axis=1), 0)
    last = np.where(place <= NEIGHBOURS + 1, place, 0).argmax(axis=1)  # the 11th, or the last that there is
    norm = np.take_along_axis(distance, last[:, None], axis=1)
    weight = np.where(other & (place <= NEIGHBOURS), norm - distance, 0)
    row, column = np.nonzero(weight > 0)
    return rows[row], near[row, column], weight[row, column].astype(np.float32)


def _both_ways(starts: Ints, ends: Ints, weights: Floats, owner: Ints, n: int) -> Matches:
    """Put matches that were found from either end together, and sort them by pairs of pictures."""
    turned = owner[starts] > owner[ends]
    low, high = np.where(turned, ends, starts), np.where(turned, starts, ends)
    key, place = np.unique(low * n + high, return_inverse=True)
    weight: Anything = np.bincount(place, weights, minlength=len(key)).astype(np.float32)
    low, high = key // n, key % n
    order = np.lexsort((owner[high], owner[low]))
    return Matches(low[order], high[order], weight[order])

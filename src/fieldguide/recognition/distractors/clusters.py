"""From clusters of gallery and queries to distractors, and a score of clusters on the gallery alone."""

import numpy as np
from scipy.sparse import csr_matrix

from fieldguide.core.arrays import Anything, Flags, Floats, Ints

NOISE = -1  # the cluster of points that are in none


def without_gallery(cluster: Ints, n_gallery: int) -> Flags:
    """Find the queries that lie in no cluster with a gallery picture: those are called distractors.

    Parameters
    ----------
    cluster : (n_gallery + n,) of gallery and queries, `NOISE` for none

    Returns
    -------
    (n,) one flag a query.
    """
    found: Flags = ~np.isin(cluster[n_gallery:], np.setdiff1d(cluster[:n_gallery], [NOISE]))
    return found


def youden_index(cluster: Ints, codes: Ints) -> float:
    """Score clusters by how well they separate gallery pictures, each taken as a query, into known and distractor.

    A picture whose class has other shots is a known query: some other gallery picture should be in its cluster. Were
    its class not in the gallery it would be a distractor: no picture of another class should be. Both kinds weigh the
    same: of mAP@5, a known query called a distractor loses half its point and a distractor missed all of it, and about
    a third of the queries are distractors.

    Parameters
    ----------
    cluster : (n_gallery,) of the gallery's pictures, `NOISE` for none
    codes : (n_gallery,) their classes

    Returns
    -------
    The share of the known that are recognised minus that of the distractors that are missed, -1 to 1; NaN if no class
    has two shots. It is Youden's J (1950).
    """
    several = np.bincount(codes)[codes] > 1
    if not several.any():
        return float("nan")
    inside = cluster != NOISE
    place = cluster[inside], codes[inside]
    counts = csr_matrix((np.ones(len(place[0])), place), (int(cluster.max()) + 2, int(codes.max()) + 1))
    cluster_size, class_size = np.zeros(len(codes)), np.zeros(len(codes))
    cluster_size[inside] = np.asarray(counts.sum(axis=1)).ravel()[cluster[inside]]
    class_size[inside] = np.asarray(counts[place]).ravel()
    return float((cluster_size[several] > 1).mean() - (cluster_size > class_size).mean())


def graded_score(is_distractor: Flags, distance: Anything) -> Floats:
    """Grade a verdict: those called distractors before the others, and among each the farther the higher, 0 to 1.

    Parameters
    ----------
    is_distractor : (n,)
    distance : (n,) from the gallery, in any unit; infinite for none
    """
    level = np.unique(distance, return_inverse=True)[1]
    grade: Floats = ((is_distractor + level / (level.max(initial=0) + 1)) / 2).astype(np.float32)
    return grade

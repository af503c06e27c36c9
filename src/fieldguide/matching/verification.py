"""Which matches of two pictures agree on how one lies in the other: votes for a similarity transform.

Each match says by itself how the picture is moved, turned and scaled, since keypoints have a scale and a direction. A
match's votes come from all that roughly agree with it. On bent bodies, whose parts move differently, that finds more
than one transform fitted to all does.

Source: the generalised Hough transform of Lowe, Distinctive image features from scale-invariant keypoints, IJCV 2004;
pairwise votes as in Tolias & Avrithis, Speeded-up, relaxed spatial matching, ICCV 2011.
"""

from typing import Any

import numpy as np
from scipy import sparse

from fieldguide.core.arrays import Anything, Flags, Floats, Ints
from fieldguide.matching.described import DescribedPictures, Matches

LEAST = 3  # matches of a pair; of fewer, many agree by chance
SCALES = 2.0  # two matches agree if their changes of scale differ by less than this factor,
TURN = np.deg2rad(30)  # their turns by less than this,
APART = 0.1  # and their places by less than this share of the larger picture's extent
MOST = 40  # matches of a pair that are looked at, those of most weight
PAIRS_AT_ONCE = 4_000_000  # pairs of matches; some 200 MB


def verified_scores(pictures: DescribedPictures, matches: Matches) -> Any:
    """Score pairs of pictures by the matches that agree.

    Returns
    -------
    (n, n) float32 CSR, symmetric: 1,000 times the weight of the matches that agree with the one most agree with; 0
    where these are fewer than three.
    """
    n = len(pictures)
    owner = pictures.pictures()
    first, second = owner[matches.start], owner[matches.end]
    pair, begins, counts = np.unique(first * n + second, return_index=True, return_counts=True)
    rows, scores = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    extent = _extents(pictures)
    candidates = np.flatnonzero(counts >= LEAST)
    size = np.minimum(counts[candidates], MOST)
    for some in _batches(candidates, size):
        score = _of_pairs(pictures, matches, begins[some], counts[some], extent[second[begins[some]]])
        rows.append(some[score > 0])
        scores.append(score[score > 0])
    kept, value = pair[np.concatenate(rows)], np.concatenate(scores)
    upper = sparse.csr_matrix((value, (kept // n, kept % n)), (n, n), dtype=np.float32)
    return (upper + upper.T).tocsr()


def agreeing(pictures: DescribedPictures, matches: Matches) -> Flags:
    """(n,) which of the matches of one pair of pictures agree with the one that most agree with."""
    if len(matches) < LEAST:
        return np.zeros(len(matches), bool)
    second = pictures.pictures()[matches.end[:1]]
    agree = _agree(*_moves(pictures, matches.start, matches.end), _extents(pictures)[second][:, None])
    votes = agree @ matches.weight
    best: Flags = agree[int(votes.argmax())]
    return best if best.sum() >= LEAST else np.zeros(len(matches), bool)


def one_to_one(matches: Matches) -> Matches:
    """Give the matches in which each keypoint is in one at most, the heaviest, in order of weight."""
    rows = np.argsort(-matches.weight, kind="stable")
    for ends in (matches.start, matches.end):
        rows = rows[np.sort(np.unique(ends[rows], return_index=True)[1])]
    return matches.of(rows)


def _batches(candidates: Ints, size: Ints) -> Any:
    """Cut pairs into parts of about `PAIRS_AT_ONCE` pairs of matches, pairs of one number of matches together."""
    order = np.argsort(size, kind="stable")
    work = np.cumsum(size[order] ** 2)
    part = work // PAIRS_AT_ONCE
    for place in np.split(order, np.flatnonzero(np.diff(part)) + 1):
        if len(place):
            yield candidates[place]


def _extents(pictures: DescribedPictures) -> Floats:
    """(n,) how far a picture's keypoints reach, pixels; 1 where there are none."""
    extent = np.ones(len(pictures), np.float32)
    filled = np.flatnonzero(np.diff(pictures.first))
    if len(filled):
        starts = pictures.first[filled]
        xy = pictures.places[:, :2]
        reach = np.maximum.reduceat(xy, starts) - np.minimum.reduceat(xy, starts)
        extent[filled] = np.maximum(reach.max(axis=1), 1)
    return extent


def _of_pairs(pictures: DescribedPictures, matches: Matches, begins: Ints, counts: Ints, extent: Floats) -> Floats:
    """(n_pairs,) the scores of some pairs."""
    most = int(counts.max())
    place = begins[:, None] + np.arange(most)
    there = np.arange(most) < counts[:, None]
    place = np.where(there, place, begins[:, None])
    weight = np.where(there, matches.weight[place], 0)
    if most > MOST:
        heaviest = np.argsort(-weight, axis=1, kind="stable")[:, :MOST]
        place, there, weight = (np.take_along_axis(one, heaviest, axis=1) for one in (place, there, weight))
    agree = _agree(*_moves(pictures, matches.start[place], matches.end[place]), extent[:, None, None])
    agree &= there[:, None, :] & there[:, :, None]
    enough = agree.sum(axis=2) >= LEAST
    votes = np.where(enough, np.einsum("pij,pj->pi", agree, weight), 0)
    best: Floats = (1000 * votes.max(axis=1)).astype(np.float32)
    return best


def _moves(pictures: DescribedPictures, start: Ints, end: Ints) -> tuple[Anything, Anything, Anything, Anything]:
    """Say where each match takes the picture: places in both, log scale, turn."""
    a, b = pictures.places[start], pictures.places[end]
    return a[..., :2], b[..., :2], np.log(b[..., 2] / a[..., 2]), b[..., 3] - a[..., 3]


def _agree(here: Anything, there: Anything, scale: Anything, turn: Anything, extent: Anything) -> Flags:
    """Say which matches (..., m) agree with which, (..., m, m): row i has those that lie where match i takes them."""
    turned = np.angle(np.exp(1j * (turn[..., :, None] - turn[..., None, :])))
    close = (np.abs(scale[..., :, None] - scale[..., None, :]) < np.log(SCALES)) & (np.abs(turned) < TURN)
    apart = here[..., None, :, :] - here[..., :, None, :]  # of match j from match i, in the first picture
    cosine, sine = (f(turn)[..., :, None] * np.exp(scale)[..., :, None] for f in (np.cos, np.sin))
    x = there[..., :, None, 0] + cosine * apart[..., 0] - sine * apart[..., 1] - there[..., None, :, 0]
    y = there[..., :, None, 1] + sine * apart[..., 0] + cosine * apart[..., 1] - there[..., None, :, 1]
    found: Flags = close & (x**2 + y**2 < (APART * extent) ** 2)
    return found

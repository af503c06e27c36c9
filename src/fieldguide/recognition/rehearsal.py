"""Rehearsals: the task played with some of the gallery as queries, whose answers are known.

In one, some classes are hidden, all their shots: to the rest of the gallery they are distractors. Of each other class
with several shots one is hidden: these are known queries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TypedDict

import numpy as np
from sklearn.utils import check_array

from fieldguide.core.arrays import Anything, Floats, Ints

MANY_CLASSES = 300  # of more, a quarter hidden once teaches enough
PARTS = 8  # of fewer; the fewer are hidden at once, the more the shots hidden of others say
MOST_DISTRACTORS = 1000  # labelled ones that are looked at; every rehearsal has them among its queries
ENOUGH = 600  # classes that have played, over all turns


@dataclass(frozen=True)
class Cast:
    """Which gallery pictures play what.

    Attributes
    ----------
    gallery : rows that stay labelled
    known : rows hidden, of classes that stay
    strangers : rows of the classes hidden
    hidden : (n_classes,) which classes these are
    """

    gallery: Ints
    known: Ints
    strangers: Ints
    hidden: Anything


def casts(codes: Ints, seed: int) -> Iterator[Cast]:
    """Draw who plays what: once where there are many classes, in up to eight turns where there are few.

    Parameters
    ----------
    codes : (n_pictures,) classes, 0 to n_classes - 1, none missing
    seed : of the draw
    """
    rng = np.random.default_rng(seed)
    size = np.bincount(codes)
    many = len(size) > MANY_CLASSES
    parts = min(4 if many or size.max() == 1 else PARTS, len(size))
    turns = 1 if many else ceil(ENOUGH / len(size))
    turn = rng.permutation(np.arange(len(size)) % parts)
    order = rng.permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    first = np.cumsum(size) - size
    for now in range(min(turns, parts)):
        hidden = (turn == now) & (parts > 1)
        one_each = by_class[first + (now - turn - 1) % parts % size]  # another shot each time, as long as there are
        known = one_each[(size > 1) & ~hidden]
        strangers = np.flatnonzero(hidden[codes])
        gallery = np.setdiff1d(np.arange(len(codes)), np.concatenate([known, strangers]))
        yield Cast(gallery, known, strangers, hidden)


def representativeness(codes: Ints, cast: Cast, queries_of: Anything) -> Anything:
    """Weigh the known of a cast so that they stand for the queries.

    A class whose only shot cannot be hidden is stood for by those left with as many shots; and a class of many queries
    counts more than one of few, half by its number and half as any other, since not all that seem its are.

    Parameters
    ----------
    codes : (n_pictures,) classes
    cast : who plays what
    queries_of : (n_classes,) number of queries that seem to be of each class
    """
    left = np.bincount(codes[cast.gallery], minlength=len(queries_of))
    of_known = codes[cast.known]
    classes = np.bincount(left[left > 0])
    players = np.bincount(left[of_known], minlength=len(classes))
    shots = (classes / np.maximum(players, 1))[left[of_known]]
    weight: Anything = shots * (queries_of[of_known] + queries_of.mean() + 1e-9)
    return weight


class StrangerWeights(TypedDict):
    """Of the examples of distractors in one rehearsal, (n_strangers,) each: groups of those alike, and weights."""

    stranger_groups: Ints
    stranger_weight: Anything


def stranger_weights(classes: Ints, n_labelled: int, turns: int) -> StrangerWeights:
    """Weigh shots of hidden classes, then labelled distractors.

    A class is hidden in one of the turns, a labelled distractor is there in all: so over all turns each counts once.

    Parameters
    ----------
    classes : of the hidden shots
    n_labelled : number of labelled distractors, each a group of its own
    turns : how many rehearsals there are
    """
    labelled = classes.max(initial=-1) + 1 + np.arange(n_labelled)
    return {
        "stranger_groups": np.concatenate([classes, labelled]),
        "stranger_weight": np.repeat([1.0, 1.0 / turns], [len(classes), n_labelled]),
    }


def some_distractors(distractors: Anything | None, dim: int, seed: int) -> Floats:
    """Check labelled distractors and draw those that are looked at, (n, dim); none if there are none.

    Raises
    ------
    ValueError : they are not as wide as the gallery.
    """
    if distractors is None or not len(distractors):
        return np.zeros((0, dim), np.float32)
    rows: Floats = check_array(distractors, dtype=np.float32, input_name="distractors")
    if rows.shape[1] != dim:
        raise ValueError(f"distractors have {rows.shape[1]} numbers a row, the gallery {dim}")
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST_DISTRACTORS])]

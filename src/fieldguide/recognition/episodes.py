"""Episodes: rehearsals of the task in which some of the gallery are queries, so that the answers are known.

In each, some classes are held out, all their shots: to the rest of the gallery they are distractors. Of each other
class with several shots one is held out: these are known queries.

Source of the word: Vinyals et al., Matching networks for one shot learning, NIPS 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from fieldguide.core.arrays import Anything, Flags, Floats, Ints

MANY_CLASSES = 300  # of more, a quarter held out once teaches enough
PARTS = 8  # of fewer; the fewer are held out at once, the more the shots held out of others say
MAX_DISTRACTORS = 1000  # labelled ones that are used; every episode has them among its queries
ENOUGH_CLASSES = 600  # classes held out or with a shot held out, over all episodes


@dataclass(frozen=True)
class Episode:
    """Which rows of the gallery stay labelled, and which are queries.

    Attributes
    ----------
    gallery_rows : those that stay labelled
    heldout_shot_rows : known queries: held out, of classes that stay
    heldout_class_rows : distractors: all of the classes held out
    heldout_classes : (n_classes,) which classes these are

    What is in none of these is of the encounters of the held-out shots: a query that is not looked at.
    """

    gallery_rows: Ints
    heldout_shot_rows: Ints
    heldout_class_rows: Ints
    heldout_classes: Flags


def draw_episodes(codes: Ints, seed: int, encounters: Ints | None = None) -> Iterator[Episode]:
    """Draw one episode where there are many classes, up to eight where there are few.

    Parameters
    ----------
    codes : (n_pictures,) classes, 0 to n_classes - 1, none missing
    seed : of the draw
    encounters : (n_pictures,) numbers of encounters. Those of a held-out shot's that show its class are held out with
        it and are examples of nothing, as they would be found at once; a class of one encounter is one of one shot.
        None where each picture is one
    """
    rng = np.random.default_rng(seed)
    met = np.arange(len(codes)) if encounters is None else encounter_of_class(codes, encounters)
    pictures, size = np.bincount(codes), encounters_a_class(codes, met)
    many = len(size) > MANY_CLASSES
    parts = min(4 if many or size.max() == 1 else PARTS, len(size))
    n_episodes = 1 if many else ceil(ENOUGH_CLASSES / len(size))
    part = rng.permutation(np.arange(len(size)) % parts)
    order = rng.permutation(len(codes))
    by_class = order[np.argsort(codes[order], kind="stable")]
    first = np.cumsum(pictures) - pictures
    for now in range(min(n_episodes, parts)):
        heldout = (part == now) & (parts > 1)
        one_each = by_class[first + (now - part - 1) % parts % pictures]  # another shot each time, as long as there are
        shot_rows = one_each[(size > 1) & ~heldout]
        class_rows = np.flatnonzero(heldout[codes])
        gallery_rows = np.flatnonzero(~heldout[codes] & ~np.isin(met, met[shot_rows]))
        yield Episode(gallery_rows, shot_rows, class_rows, heldout)


def encounter_of_class(codes: Ints, encounters: Ints) -> Ints:
    """Number the encounters of each class, (n_pictures,): one that has pictures of two classes is two."""
    numbers: Ints = np.unique(np.column_stack([codes, encounters]), axis=0, return_inverse=True)[1].reshape(-1)
    return numbers


def encounters_a_class(codes: Ints, met: Ints) -> Ints:
    """Count how many encounters each class has, (n_classes,)."""
    counts: Ints = np.bincount(codes[np.unique(met, return_index=True)[1]], minlength=codes.max() + 1)
    return counts


def representativeness(codes: Ints, episode: Episode, queries_per_class: Anything) -> Anything:
    """Weigh the known queries of an episode so that they represent the real queries.

    A class whose only shot cannot be held out is represented by those left with as many shots; and a class of many
    queries counts more than one of few, half by its number and half as any other, since not all that seem its are.

    Parameters
    ----------
    codes : (n_pictures,) classes
    episode : what is held out
    queries_per_class : (n_classes,) number of queries that seem to be of each class
    """
    left = np.bincount(codes[episode.gallery_rows], minlength=len(queries_per_class))
    of_known = codes[episode.heldout_shot_rows]
    classes = np.bincount(left[left > 0])
    represented = np.bincount(left[of_known], minlength=len(classes))
    shots = (classes / np.maximum(represented, 1))[left[of_known]]
    weight: Anything = shots * (queries_per_class[of_known] + queries_per_class.mean() + 1e-9)
    return weight


class DistractorExamples(TypedDict):
    """Groups and weights of the examples of distractors in one episode, (n_distractors,) each."""

    distractor_groups: Ints
    distractor_weight: Anything


def distractor_examples(classes: Ints, n_labelled: int, n_episodes: int) -> DistractorExamples:
    """Group and weigh the shots of held-out classes, then labelled distractors.

    A class is held out in one episode, a labelled distractor is there in all: so over all episodes each counts once.

    Parameters
    ----------
    classes : of the shots of held-out classes
    n_labelled : number of labelled distractors, each a group of its own
    n_episodes : over how many episodes each is to count once
    """
    labelled = classes.max(initial=-1) + 1 + np.arange(n_labelled)
    return {
        "distractor_groups": np.concatenate([classes, labelled]),
        "distractor_weight": np.repeat([1.0, 1.0 / n_episodes], [len(classes), n_labelled]),
    }


def sample_distractors(distractors: ArrayLike | None, dim: int, seed: int) -> Floats:
    """Check labelled distractors and draw those that are used, (n, dim); none if there are none.

    Raises
    ------
    ValueError : they are not as wide as the gallery.
    """
    if distractors is None or not np.size(distractors):
        return np.zeros((0, dim), np.float32)
    rows: Floats = check_array(distractors, dtype=np.float32, input_name="distractors")
    if rows.shape[1] != dim:
        raise ValueError(f"distractors have {rows.shape[1]} numbers a row, the gallery {dim}")
    return rows[np.sort(np.random.default_rng(seed).permutation(len(rows))[:MAX_DISTRACTORS])]

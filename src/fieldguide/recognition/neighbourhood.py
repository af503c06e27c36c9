"""Which queries lie together, as the recognizer saw them, and where the shots of hidden classes lay among them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

import numpy as np

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.episodes import Episode

REHEARSED = 2  # episodes that are kept: one hides an eighth of the classes or more; of more than two little was gained


@dataclass(frozen=True)
class RehearsedNeighbourhood:
    """The neighbour graph of an episode: m shots of hidden classes, then the n queries.

    Attributes
    ----------
    graph : (m + n, m + n) sparse, symmetric
    codes : (m,) the classes of the shots, among all classes
    """

    graph: Any
    codes: Ints

    @classmethod
    def of(cls, episode: Episode, graph: Any, codes: Ints, n_queries: int) -> "RehearsedNeighbourhood":
        """Keep of an episode's graph what is of hidden classes or a query.

        Parameters
        ----------
        graph : of the gallery that stayed, all held-out pictures in the order of the gallery, then the queries, then
            labelled distractors
        codes : of the gallery's pictures
        """
        rows, n_left = episode.heldout_class_rows, len(episode.gallery_rows)
        heldout = np.setdiff1d(np.arange(len(codes)), episode.gallery_rows)
        kept = n_left + np.concatenate([np.searchsorted(heldout, rows), len(heldout) + np.arange(n_queries)])
        return cls(graph[kept][:, kept], codes[rows])


@dataclass(frozen=True)
class Neighbourhood:
    """The neighbour graph of the queries, and those of rehearsals.

    Attributes
    ----------
    graph : (n, n) sparse, symmetric: the edges among the n queries
    rehearsals : of episodes that hid classes
    copies : (n,) queries of the very same embedding have the same number, from 0
    groups : (n,) small groups of queries, from 0, whose answers are to be alike; None where that would harm
    """

    graph: Any
    rehearsals: Sequence[RehearsedNeighbourhood]
    copies: Ints
    groups: Ints | None = None


def number_copies(rows: Floats) -> Ints:
    """(n,) the number of each row, from 0, the same for rows that are the same to the bit."""
    number: dict[bytes, int] = {}
    return np.array([number.setdefault(sha1(row.tobytes()).digest(), len(number)) for row in rows], np.int64)

"""Open-set tasks cut from labelled pictures: some classes held out, some shots hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Ints
from fieldguide.core.errors import RecordsError


@dataclass(frozen=True)
class Task:
    """A cut of n labelled pictures.

    Attributes
    ----------
    gallery : (n_gallery,) rows that keep their labels
    queries : (n_queries,) rows of the queries, in random order
    truth : (n_queries,) their labels, the unknown label for those of classes held out
    """

    gallery: Ints
    queries: Ints
    truth: Sequence[str]


def cut_task(
    labels: Sequence[str],
    *,
    seed: int = 0,
    shots: int | None = 3,
    known: float = 0.67,
    distractors: float = 0.3,
    most: int = 60,
    unknown: str = "-1",
) -> Task:
    """Cut labelled pictures into a gallery and queries, some of them distractors.

    Parameters
    ----------
    labels : (n,) one a picture
    seed : of the cut
    shots : pictures of each known class that go to the gallery; None for all but one
    known : share of the classes that are known, 0 to 1
    distractors : share of the queries that are of the other classes, below 1, as far as there are pictures for it
    most : queries a class, at most
    unknown : the unknown label

    Raises
    ------
    RecordsError : the cut leaves no class, or no query.
    """
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(np.asarray(labels), return_inverse=True)
    order = rng.permutation(len(classes))
    is_known = np.zeros(len(classes), bool)
    is_known[order[: round(len(classes) * known)]] = True
    gallery, known_queries, distractor_queries = [], [], []
    for code in range(len(classes)):
        rows = rng.permutation(np.flatnonzero(codes == code))
        if is_known[code]:
            n_shots = max(1, len(rows) - 1 if shots is None else min(shots, len(rows)))
            gallery.append(np.sort(rows[:n_shots]))
            known_queries.append(rows[n_shots : n_shots + most])
        else:
            distractor_queries.append(rows[:most])
    if not gallery or not sum(map(len, known_queries)):
        raise RecordsError("these labels cannot be cut into a task: it takes classes with two pictures or more")
    of_known = np.concatenate(known_queries)
    of_others = rng.permutation(np.concatenate([np.empty(0, np.int64), *distractor_queries]))
    n_distractors = round(len(of_known) * distractors / (1 - distractors))
    queries = rng.permutation(np.concatenate([of_known, of_others[:n_distractors]]))
    truth = [str(classes[codes[row]]) if is_known[codes[row]] else unknown for row in queries]
    return Task(np.concatenate(gallery), queries, truth)


def simulated_tasks(labels: Sequence[str], n: int, *, seed: int = 0, unknown: str = "-1") -> list[Task]:
    """Cut a gallery n times: of most classes one shot is hidden, the others are distractors, 30% of the queries.

    Raises
    ------
    RecordsError : no class has two pictures.
    """
    share = 0.3
    shots = len(labels) / len(set(labels))
    known = shots / (shots + share / (1 - share))  # the classes held out have just the pictures it takes
    known = min(known, 1 - 1 / len(set(labels)))  # of few classes one at least
    return [
        cut_task(labels, seed=seed + number, shots=None, known=known, distractors=share, unknown=unknown)
        for number in range(n)
    ]

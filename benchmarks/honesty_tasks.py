"""The tasks of honesty.py: a chosen list of cuts of its sets, and how they are cut."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from honesty_sets import LabelledSet, names_of
from mixtures import MIXTURES
from tasks import STRANGE, Task

MOST_CLASSES, MOST_QUERIES, MOST_OF_A_CLASS = 100, 700, 40  # so that a task takes seconds
UNEQUAL = 0  # as the number of shots: 1 to 10, most of them few
# Those of which shots are copied: copies need no new pictures, near copies do, and a crowd needs a large class
COPIED = ("grocery", "nyala", "flags-0", "letters-latin", "mix-good", "icons-0", "flags-1", "mix-middling-relu")
CROWDED = ("grocery", "textures", "mix-good", "mix-easy-relu", "mix-middling-relu", "mix-hard")


@dataclass(frozen=True)
class Cut:
    """What is cut of a set.

    Attributes
    ----------
    shots : a class; `UNEQUAL` for 1 to 10
    contamination : share of distractors among the queries
    copies, near : how often each shot is there, byte-identical or as another picture of the same burst
    crowd : the largest class has so many times the shots of others
    by_group : gallery and queries of a class share no group, such as an encounter
    """

    name: str
    seed: int = 0
    shots: int = 3
    contamination: float = 0.3
    copies: int = 1
    near: int = 1
    crowd: int = 1
    by_group: bool = False

    @property
    def key(self) -> str:
        words = [self.name, f"s{self.seed}", "unequal" if self.shots == UNEQUAL else f"shots{self.shots}"]
        words.append(f"c{round(100 * self.contamination)}")
        words += [f"{what}{n}" for what in ("copies", "near", "crowd") if (n := getattr(self, what)) > 1]
        return "_".join([*words, "apart"] if self.by_group else words)


@dataclass(frozen=True)
class CutTask(Task):
    """A task, and `content`, (n_pictures,): gallery rows of one number are the same picture, byte for byte."""

    content: np.ndarray


def plan(group: str) -> Iterator[Cut]:
    """Give the cuts of the sets of `development`, `check` or `all`."""
    for position, name in enumerate(names_of(group)):
        base = Cut(name, by_group=name == "nyala")
        yield base
        yield replace(base, seed=1, shots=1)
        # The rest of the grid goes round the sets, so that each kind of cut is met on sets of every kind
        rest = [
            replace(base, seed=2, shots=2, contamination=0.5),
            replace(base, seed=2, shots=UNEQUAL),
            replace(base, seed=2, shots=5, contamination=0.1),
            replace(base, seed=2, contamination=0.7),
            replace(base, seed=2, contamination=0.0),
            replace(base, seed=2, shots=1, contamination=0.1),
            replace(base, seed=2, shots=1, contamination=0.6),
        ]
        yield rest[position % len(rest)]
        if name not in MIXTURES:
            yield rest[(position + 3) % len(rest)]
            yield replace(base, seed=3, shots=5)
        if name in ("grocery", "textures", "mix-good", "mix-few", "mix-hard-relu", "mix-easy-relu"):
            yield replace(base, seed=3, shots=10)
        if name in COPIED:
            for n, shots in ((3, 1), (5, 3)):
                yield replace(base, seed=1 if shots == 1 else 0, shots=shots, copies=n)
                yield replace(base, seed=1 if shots == 1 else 0, shots=shots, near=n)
        if name in CROWDED:
            yield replace(base, crowd=10 if name == "textures" else 30)
        if name == "nyala":
            yield replace(base, by_group=False)
            yield replace(base, shots=1, by_group=False)


def cut(pool: LabelledSet, how: Cut) -> CutTask:
    """Cut a task.

    Raises
    ------
    ValueError : the set has too few pictures for it.
    """
    rng = np.random.default_rng([how.seed, 20])
    labels = pool.labels
    names, counts = np.unique(labels[labels != STRANGE], return_counts=True)
    order = rng.permutation(len(names))
    order = np.concatenate([[counts.argmax()], order[order != counts.argmax()]])  # the crowd is a known class
    # Many distractors take many classes to be such
    n_known = min(MOST_CLASSES, round(len(names) * (0.67 if how.contamination < 0.5 else 0.4)))
    always = np.flatnonzero(labels == STRANGE)
    known, others = (names[order], names[:0]) if len(always) else (names[order[:n_known]], names[order[n_known:]])
    gallery, queries = [], []
    for position, name in enumerate(known):
        shots = 1 + min(9, int(rng.exponential(2.0))) if how.shots == UNEQUAL else how.shots
        if how.crowd > 1 and position == 0:
            shots *= how.crowd
        taken, left = _split(pool, np.flatnonzero(labels == name), shots, by_group=how.by_group, rng=rng)
        if len(taken) and len(left) and len(gallery) < MOST_CLASSES:
            gallery.append(taken)
            queries.append(left[:MOST_OF_A_CLASS])
    if len(gallery) < 2:
        raise ValueError(f"{how.key}: too few pictures")
    strange = [
        rng.permutation(np.flatnonzero((labels == name) & (pool.side != 1)))[:MOST_OF_A_CLASS] for name in others
    ]
    distractors = rng.permutation(np.concatenate([*strange, always]))
    known_rows = rng.permutation(np.concatenate(queries))
    share = how.contamination
    n = min(MOST_QUERIES, int(len(known_rows) / (1 - share)), int(len(distractors) / share) if share else MOST_QUERIES)
    known_rows, distractors = known_rows[: round(n * (1 - share))], distractors[: round(n * share)]
    asked = rng.permutation(np.concatenate([known_rows, distractors])).astype(int)
    truth = np.where(np.isin(asked, distractors), STRANGE, labels[asked])
    rows = np.concatenate(gallery)
    shown, content = [pool.matrix[rows]] * how.copies, [np.arange(len(rows))] * how.copies
    if how.near > 1:
        shown += list(pool.near(rows, how.near - 1))
        content += [len(rows) * copy + np.arange(len(rows)) for copy in range(1, how.near)]
    times = len(shown)
    return CutTask(
        np.concatenate(shown), np.tile(labels[rows], times), pool.matrix[asked], truth, np.concatenate(content)
    )


def _split(
    pool: LabelledSet, rows: np.ndarray, shots: int, *, by_group: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Give the shots of a class and what is left of it to be queries."""
    rows = rng.permutation(rows)
    if by_group:  # a shot is one picture of an encounter, and queries are of other encounters
        groups = rng.permutation(np.unique(pool.group[rows]))
        n = min(shots, len(groups) - 1)
        firsts = [rows[pool.group[rows] == group][0] for group in groups[:n]]
        return np.array(firsts, int), rows[~np.isin(pool.group[rows], groups[:n])]
    may_be = rows[pool.side[rows] != 2]
    taken = may_be[: min(shots, len(rows) - 1)]
    return taken, rows[(pool.side[rows] != 1) & ~np.isin(rows, taken)]

"""Labelled tasks for the benchmarks: read from a folder and embedded once, or cut anew in memory."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks
from fieldguide.recognition import Ranking, Recognizer
from fieldguide.records import read_gallery, read_queries
from fieldguide.records.tables import read_columns

STRANGE = "-1"


@dataclass(frozen=True)
class Task:
    """A gallery with labels, and queries with the truth: their label, `STRANGE` for distractors."""

    gallery: np.ndarray
    labels: np.ndarray
    queries: np.ndarray
    truth: np.ndarray

    @property
    def contamination(self) -> float:
        return float((self.truth == STRANGE).mean())


def read_task(folder: Path, backbone: str = "efficientnet-lite0") -> Task:
    """Read train.csv (image,label), test.csv (image) and truth.csv (image,label).

    Embeddings are kept in the folder, as embeddings-BACKBONE.npz, for the next time.
    """
    gallery, queries = read_gallery(folder / "train.csv"), read_queries(folder / "test.csv")
    truth = dict(zip(*read_columns(folder / "truth.csv", ["image", "label"]), strict=True))
    kept = folder / f"embeddings-{backbone}.npz"
    if not kept.exists():
        network = load_backbone(backbone)
        matrices = [embed(catalog, network).matrix for catalog in (gallery, queries)]
        np.savez(kept, gallery=matrices[0], queries=matrices[1])
    with np.load(kept) as saved:
        return Task(
            saved["gallery"],
            np.array(gallery.labels),
            saved["queries"],
            np.array([truth[image] for image in queries.images]),
        )


def cut(
    pool: Task,
    *,
    seed: int = 0,
    shots: int = 3,
    classes: int | None = None,
    contamination: float = 0.3,
    known: float = 0.67,
    most: int = 60,
    unequal: bool = False,
) -> Task:
    """Cut all pictures of a task anew.

    Classes that are distractors in the pool stay so; if there are none, a share 1 - `known` of the classes are.

    Parameters
    ----------
    seed : of the cut
    shots : gallery pictures a class; with `unequal`, 1 to 2 * shots - 1 by chance
    classes : how many known classes, all if None
    contamination : share of distractors among the queries
    known : share of the classes that are known
    most : queries a class, at most
    """
    rng = np.random.default_rng(seed)
    rows = np.concatenate([pool.gallery, pool.queries])
    labels = np.concatenate([pool.labels, pool.truth])
    names = rng.permutation(np.unique(labels[labels != STRANGE]))
    distractor_rows = np.flatnonzero(labels == STRANGE)
    if not len(distractor_rows):
        names, others = np.split(names, [round(len(names) * known)])
        distractor_rows = np.concatenate([rng.permutation(np.flatnonzero(labels == name))[:most] for name in others])
    gallery, queries_of_class = [], []
    for name in names[:classes]:
        pictures = rng.permutation(np.flatnonzero(labels == name))
        n = min(int(rng.integers(1, 2 * shots)) if unequal else shots, len(pictures) - 1)
        gallery.append(pictures[:n])
        queries_of_class.append(pictures[n : n + most])
    gallery_rows, known_rows, distractors = (
        np.concatenate(gallery),
        rng.permutation(np.concatenate(queries_of_class)),
        rng.permutation(distractor_rows),
    )
    if contamination > 0:
        known_rows = known_rows[: int(len(distractors) * (1 - contamination) / contamination)]
    distractors = distractors[: round(len(known_rows) * contamination / (1 - contamination))]
    queries = rng.permutation(np.concatenate([known_rows, distractors]))
    truth = np.where(np.isin(queries, distractors), STRANGE, labels[queries])
    return Task(rows[gallery_rows], labels[gallery_rows], rows[queries], truth)


@dataclass(frozen=True)
class Measured:
    """What a ranking reached.

    Attributes
    ----------
    precision : mAP@5
    auroc : known against distractor; NaN where there are none
    called : contamination estimated, or the share of queries called a distractor
    ece : expected calibration error of the first answer; NaN without probabilities
    """

    precision: float
    auroc: float
    called: float
    ece: float


def measure(recognizer: Recognizer, task: Task) -> Measured:
    """Fit, rank and score."""
    ranking = recognizer.fit(task.gallery, task.labels).rank(task.queries)
    distractor = task.truth == STRANGE
    points = points_of(ranking, task)
    separation = Separation(distractor, ranking.distractor_score)
    mixed = distractor.any() and not distractor.all()
    return Measured(
        float(points.mean()),
        float(separation.auroc(np.ones(len(distractor)))) if mixed else float("nan"),
        ranking.contamination,
        calibration_error(ranking.probability[:, 0], points == 1),
    )


def points_of(ranking: Ranking, task: Task) -> np.ndarray:
    """(n,) average precision at 5 of each query."""
    return reciprocal_ranks([ranking.labels(row) for row in range(len(ranking))], list(task.truth), 5)


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the first answer, Naeini et al., AAAI 2015; NaN without probabilities."""
    if np.isnan(sure).any():
        return float("nan")
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[place == bin].mean() - right[place == bin].mean()) * (place == bin).mean() for bin in set(place)]
    return float(np.sum(gaps))

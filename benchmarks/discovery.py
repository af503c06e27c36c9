"""New classes: groups of the queries that are answered as unknown, against other ways to group them; Markdown.

    python benchmarks/discovery.py NAME=FOLDER [NAME=FOLDER ...]

Each FOLDER holds train.csv (image,label), test.csv (image), truth.csv (image,label; -1 for distractors) and classes.csv
(image,label, with the true classes of distractors too). Where there is no classes.csv the known classes are cut anew:
two thirds stay known, pictures of the others, those of the gallery too, are distractors until they are 30% of the
queries.

All ways group the same queries, those that the default recognizer answers as unknown. Those told the number of new
classes, or tried at every threshold of which the best is shown, know more than can be known.
"""

import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans
from sklearn.neighbors import NearestNeighbors

from fieldguide import TransductiveClassifier
from fieldguide.discovery import discover
from fieldguide.evaluation.bootstrap import Score
from fieldguide.evaluation.group_scores import score_groups
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.records import read_queries
from fieldguide.records.tables import read_columns
from tasks import STRANGE, Task, read_task

SHOWN = "ARI, new", "accuracy, new", "pair precision, new", "pair recall, new", "ARI", "clicks a query"


def read_with_classes(folder: Path, seed: int = 0) -> tuple[Task, np.ndarray]:
    """Give a task and the true class of each query."""
    task = read_task(folder)
    if (folder / "classes.csv").exists():
        label = dict(zip(*read_columns(folder / "classes.csv", ["image", "label"]), strict=True))
        return task, np.array([label[image] for image in read_queries(folder / "test.csv").images])
    rng = np.random.default_rng(seed)
    names = rng.permutation(np.unique(task.labels))
    known, others = np.split(names, [round(0.67 * len(names))])
    in_gallery, in_queries = np.isin(task.labels, known), np.isin(task.truth, known)
    room, rows, classes = round(in_queries.sum() * 0.3 / 0.7), [], []
    for name in others:
        if len(classes) >= room:
            break
        own = np.concatenate([task.queries[task.truth == name], task.gallery[task.labels == name]])
        rows.append(own)
        classes += [name] * len(own)
    queries = np.concatenate([task.queries[in_queries], *rows])
    classes = np.concatenate([task.truth[in_queries], classes])
    order = rng.permutation(len(queries))
    truth = np.where(np.isin(classes, known), classes, STRANGE)[order]
    return Task(task.gallery[in_gallery], task.labels[in_gallery], queries[order], truth), classes[order]


def ways(rows: np.ndarray, n_new: int) -> dict[str, Callable[[], list[np.ndarray]]]:
    """Give other ways to group embeddings; of several partitions the best counts. -1 is alone."""
    unit = unit_rows(rows)

    def components() -> list[np.ndarray]:
        distance, index = NearestNeighbors(n_neighbors=min(11, len(unit)), metric="cosine").fit(unit).kneighbors()
        start = np.repeat(np.arange(len(unit)), index.shape[1])
        found = []
        for most in np.linspace(0.02, 0.6, 30):
            near = distance.ravel() <= most
            edges = sparse.csr_matrix((near[near], (start[near], index.ravel()[near])), (len(unit),) * 2)
            found.append(connected_components(edges, directed=False)[1])
        return found

    def plane() -> list[np.ndarray]:
        from openTSNE import TSNE

        points = np.asarray(TSNE(random_state=0, metric="cosine", n_jobs=1).fit(unit))
        size = np.ptp(points, axis=0).max()
        return [
            DBSCAN(eps=size * share, min_samples=3).fit_predict(points) for share in (0.005, 0.01, 0.015, 0.02, 0.03)
        ]

    found: dict[str, Callable[[], list[np.ndarray]]] = {
        "alone, each": lambda: [np.full(len(rows), -1)],
        "HDBSCAN": lambda: [HDBSCAN(min_cluster_size=2, metric="euclidean", copy=True).fit_predict(unit)],
        "DBSCAN on t-SNE, best radius": plane,
        "k-means, told how many": lambda: [KMeans(min(n_new, len(unit)), n_init=3, random_state=0).fit_predict(unit)],
        "components, best threshold": components,
    }
    if find_spec("evoc"):
        from evoc import EVoC

        found["EVoC"] = lambda: [EVoC(random_state=0).fit_predict(unit)]
    return found


def scores(first: list[str], unknown: np.ndarray, groups: np.ndarray, task: Task, classes: np.ndarray) -> list[Score]:
    names: list[str | None] = [None] * len(first)
    for row, group in zip(np.flatnonzero(unknown), groups, strict=True):
        names[row] = None if group < 0 else f"new-{group + 1}"
    return score_groups(first, names, task.truth.tolist(), classes.tolist(), STRANGE, resamples=300)


def main() -> None:
    print(f"| task | way | groups | {' | '.join(SHOWN)} | seconds |")
    print("| --- | --- |" + " --- |" * (len(SHOWN) + 2))
    for word in sys.argv[1:]:
        name, folder = word.split("=", 1)
        task, classes = read_with_classes(Path(folder))
        ranking = TransductiveClassifier().fit(task.gallery, task.labels).rank(task.queries)
        first, unknown = ranking.top1().tolist(), ranking.is_unknown()
        n_new = len(np.unique(classes[task.truth == STRANGE]))
        ours = {"fieldguide": lambda r=ranking, u=unknown: [discover(r).ranking.groups[u]]}
        for way, group in (ours | ways(task.queries[unknown], n_new)).items():
            start = time.perf_counter()
            found = group()
            seconds = time.perf_counter() - start
            every = [scores(first, unknown, groups, task, classes) for groups in found]
            by_name = [{score.name: score for score in one} for one in every]
            best = int(np.argmax([one["ARI, new"].value for one in by_name]))
            figures = [by_name[best][one] for one in SHOWN]
            cells = [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in figures]
            n = len(set(found[best][found[best] >= 0].tolist()))
            print(f"| {name}, {n_new} new | {way} | {n} | {' | '.join(cells)} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()

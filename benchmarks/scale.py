"""Seconds and peak memory of the default recognizer as queries become many: a table in Markdown and a plot.

    python benchmarks/scale.py [QUERIESxDIMENSIONS[xCLASSES] ...] [--exact QUERIESxDIMENSIONS[xCLASSES] ...]
                               [--plot docs/scale.svg] [--classes 1000] [--shots 3]
    python benchmarks/scale.py 3500x4096x500 3500x25088x500                     # wide rows
    python benchmarks/scale.py 4000x1280x4000 10000x1280x10000 20000x1280x20000  # many classes

Embeddings are drawn: 1,000 classes with 3 gallery pictures each unless told otherwise, 30% of the queries from other
clusters, 429 of them. Classes come in groups of ten that resemble each other, pictures vary along the directions in
which classes do, some far more than others: cosine similarity, told the share of distractors, has an mAP@5 of about
0.7. Each size has a process of its own, as peak memory only ever grows. `--exact` names sizes to be run again with
exact neighbours.
"""

import argparse
import itertools
import json
import math
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from fieldguide import (
    CosineClassifier,
    OpenSetClassifier,
    ThresholdRule,
    TransductiveClassifier,
)
from fieldguide.recognition import UNKNOWN, PowerCentring, WithinClassWhitening, neighbours
from fieldguide.recognition.approximate import nearest_in_lists

SIZES = ["10000x512", "30000x512", "100000x512", "300000x512", "13000x1280"]
CLASSES, SHOTS, ALIKE = 1000, 3, 10
TURNED_UP_TO = 2048  # dimensions; the directions of wider ones are the numbers themselves, as a turn is cubic in them
STRANGERS = 0.429  # other clusters, a class
COLUMNS = [
    "queries",
    "classes",
    "neighbours",
    "recall@10",
    "seconds",
    "CPU seconds",
    "peak MiB",
    "embeddings MiB",
    "mAP@5",
    "cosine",
]
PROBED = 2000  # rows of which recall is measured


@dataclass(frozen=True)
class Measured:
    """What one size took, and how good the answers were."""

    queries: int
    dim: int
    classes: int
    exact: bool
    seconds: float
    cpu_seconds: float
    embeddings_mib: float
    peak_mib: float
    contamination: float
    transductive: float
    cosine: float
    recall: float


@dataclass(frozen=True)
class Task:
    """Drawn embeddings; truth is a class's code, or `UNKNOWN`."""

    gallery: np.ndarray
    codes: np.ndarray
    queries: np.ndarray
    truth: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", metavar="QUERIESxDIMENSIONS[xCLASSES]", default=SIZES)
    parser.add_argument("--exact", nargs="*", metavar="QUERIESxDIMENSIONS[xCLASSES]", default=[])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--shots", type=int, default=SHOTS)
    parser.add_argument("--alone", action="store_true", help="measure one size in this process, and print JSON")
    args = parser.parse_args()
    if args.alone:
        (size,) = args.exact or args.sizes
        queries, dim, *some = map(int, size.split("x"))
        classes = some[0] if some else args.classes
        print(json.dumps(asdict(measure(queries, dim, classes, args.shots, exact=bool(args.exact)))))
        return
    for cells in (COLUMNS, ["---"] * len(COLUMNS)):
        print("| " + " | ".join(cells) + " |")
    gallery = ("--classes", str(args.classes), "--shots", str(args.shots))
    results = [in_a_process(*gallery, size) for size in args.sizes]
    results += [in_a_process(*gallery, "--exact", size) for size in args.exact]
    approximate = sorted((one for one in results if one.dim == 512 and not one.exact), key=lambda one: one.queries)
    for few, many in itertools.pairwise(approximate):
        more = math.log(many.queries / few.queries)
        time_, cpu, memory = (
            math.log(getattr(many, what) / getattr(few, what)) / more for what in ("seconds", "cpu_seconds", "peak_mib")
        )
        print(f"\n{few.queries:,} to {many.queries:,} queries, exponents:")
        print(f"time {time_:.2f}, CPU time {cpu:.2f}, memory {memory:.2f}")
    if args.plot:
        plot(approximate, args.plot)


def in_a_process(*words: str) -> Measured:
    command = [sys.executable, __file__, "--alone", *words]
    one = Measured(**json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    print("| " + " | ".join(row(one)) + " |", flush=True)
    return one


def row(one: Measured) -> list[str]:
    how = ["exact", ""] if math.isnan(one.recall) else ["FAISS", f"{one.recall:.4f}"]
    took = [f"{one.seconds:.1f}", f"{one.cpu_seconds:.1f}", f"{one.peak_mib:.0f}", f"{one.embeddings_mib:.0f}"]
    return [
        f"{one.queries:,} × {one.dim}",
        f"{one.classes:,}",
        *how,
        *took,
        f"{one.transductive:.4f}",
        f"{one.cosine:.3f}",
    ]


def measure(n: int, dim: int, classes: int, shots: int, *, exact: bool) -> Measured:
    if exact:
        neighbours.EXACT_UP_TO = n + classes * shots
    task = draw(n, dim, classes, shots)
    start, busy = time.perf_counter(), time.process_time()
    recognizer = TransductiveClassifier().fit(task.gallery, task.codes)
    ranking = recognizer.rank(task.queries)
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cosine = OpenSetClassifier(CosineClassifier(), ThresholdRule(contamination=0.3)).fit(task.gallery, task.codes)
    return Measured(
        queries=n,
        dim=dim,
        classes=classes,
        exact=exact,
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        embeddings_mib=(task.gallery.nbytes + task.queries.nbytes) / 2**20,
        peak_mib=peak,
        contamination=ranking.contamination,
        transductive=mean_precision(ranking.codes, task.truth),
        cosine=mean_precision(cosine.rank(task.queries).codes, task.truth),
        recall=recall(task) if n + classes * shots > neighbours.EXACT_UP_TO and not exact else math.nan,
    )


def draw(n: int, dim: int, classes: int, shots: int, seed: int = 0) -> Task:
    """Draw embeddings as the module's first lines say."""
    rng = np.random.default_rng(seed)
    clusters = classes + round(STRANGERS * classes)
    size = np.arange(1, dim + 1) ** -1.2  # how much directions vary, the first most
    size /= np.linalg.norm(size)
    group = rng.permutation(clusters) // ALIKE
    of_groups, own = rng.normal(size=(group.max() + 1, dim)), rng.normal(size=(clusters, dim))
    centres = (math.sqrt(0.75) * of_groups[group] + 0.5 * own) * size
    within = 0.22 * size[np.argsort(np.argsort(np.log(np.arange(1, dim + 1)) + 0.5 * rng.normal(size=dim)))]
    turned = dim <= TURNED_UP_TO
    turn = np.linalg.qr(rng.normal(size=(dim, dim)))[0].astype(np.float32) if turned else None

    def pictures(cluster: np.ndarray) -> np.ndarray:
        rows = np.empty((len(cluster), dim), np.float32)
        for part in neighbours.blocks(len(cluster), 4 * dim):
            count = part.stop - part.start
            noise = rng.normal(size=(count, dim)) * np.exp(0.5 * rng.normal(size=(count, 1)))
            drawn = (centres[cluster[part]] + noise * within).astype(np.float32)
            rows[part] = drawn if turn is None else drawn @ turn
        return rows

    codes = np.repeat(np.arange(classes), shots)
    of_queries = rng.integers(0, clusters, n)
    return Task(pictures(codes), codes, pictures(of_queries), np.where(of_queries < classes, of_queries, UNKNOWN))


def mean_precision(codes: np.ndarray, truth: np.ndarray) -> float:
    hits = codes == truth[:, None]
    return float(np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0).mean())


def recall(task: Task, k: int = 10) -> float:
    """Share of the true nearest neighbours that the lists give, in the recognizer's space, of some rows."""
    rows = PowerCentring().fit_transform(np.concatenate([task.gallery, task.queries]))
    shots, queries = rows[: len(task.gallery)], rows[len(task.gallery) :]
    nodes = WithinClassWhitening().fit(shots, task.codes, unlabelled=queries).transform(rows)
    found, _ = nearest_in_lists(nodes, nodes, k, same_from=0)
    first = len(nodes) - PROBED
    true, _ = neighbours.nearest(nodes[first:], nodes, k, same_from=first)
    return float(np.mean([len(np.intersect1d(*pair)) / k for pair in zip(found[first:], true, strict=True)]))


def plot(results: list[Measured], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    queries = [one.queries for one in results]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    seconds = [one.seconds for one in results]
    left.loglog(queries, seconds, "o-", label="recognition")
    left.loglog(queries, [seconds[0] * n / queries[0] for n in queries], "k:", lw=1, label="linear")
    left.set(xlabel="queries", ylabel="seconds")
    right.loglog(queries, [one.peak_mib for one in results], "o-", label="peak of the process")
    right.loglog(queries, [one.embeddings_mib for one in results], "k:", lw=1, label="the queries' embeddings")
    right.set(xlabel="queries", ylabel="MiB")
    for axes in (left, right):
        axes.set_xticks(queries, [f"{n // 1000}k" for n in queries], minor=False)
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()

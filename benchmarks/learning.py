"""What trainings reach on labelled tasks, beside the frozen embedding: a table in Markdown.

    python benchmarks/learning.py NAME=FOLDER [...] [--keep FOLDER] [--trainings metric simclr ...] [--seeds 0 1 2]

Each FOLDER holds train.csv (image,label), test.csv (image) and truth.csv (image,label; -1 for distractors). Trainings
get gallery and queries, the truth scores what they left: closed-set is mAP@5 of the known queries by plain cosine,
whole that of all by the default recognizer, as `identify --backbone` asks it. `--keep` holds the embeddings of views
between runs.
"""

import argparse
import csv
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from fieldguide import CosineClassifier, TransductiveClassifier
from fieldguide.backbones import load_backbone
from fieldguide.embedding import embed, open_cache
from fieldguide.embedding.views import Views
from fieldguide.engines import start_engine
from fieldguide.evaluation.metrics import reciprocal_ranks
from fieldguide.records import read_gallery, read_queries
from fieldguide.training import Frozen, configuration, train_on

BACKBONE = "efficientnet-lite0"
VIEWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument(
        "--trainings", nargs="+", default=["metric", "simclr", "hybrid", "metric-report", "simclr-report"]
    )
    parser.add_argument("--epochs", type=int, nargs="+", default=[10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    print(
        "| task | training | epochs | seed | held-out by cosine, frozen → best | kept epoch "
        "| named by default, frozen → trained | closed-set | whole | seconds |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in args.tasks:
        name, folder = task.split("=", 1)
        measure(name, Path(folder), args)


def measure(name: str, folder: Path, args: argparse.Namespace) -> None:
    frozen = embeddings(folder, args.keep / f"views-{name}.npz")
    with (folder / "truth.csv").open(newline="") as file:
        by_name = {row["image"]: row["label"] for row in csv.DictReader(file)}
    truth = [by_name[image] for image in read_queries(folder / "test.csv").images]
    whole, share = by_default(frozen, frozen.gallery, frozen.queries, truth)
    closed = by_cosine(frozen, frozen.gallery, frozen.queries, truth)
    print(f"| {name} | frozen |  |  |  |  |  | {closed:.3f} | {whole:.3f} |  |", flush=True)
    means = [
        (rows + views.sum(axis=0)) / (1 + len(views))
        for rows, views in ((frozen.gallery, frozen.gallery_views), (frozen.queries, frozen.queries_views))
    ]
    of_means = by_cosine(frozen, *means, truth), by_default(frozen, *means, truth)[0]
    print(f"| {name} | mean of views |  |  |  |  |  | {of_means[0]:.3f} | {of_means[1]:.3f} |  |", flush=True)
    for training in args.trainings:
        for epochs in args.epochs:
            for seed in args.seeds:
                how = configuration(training).with_changes(epochs=epochs, seed=seed)
                how = replace(how, views=min(how.views, VIEWS))
                with tempfile.TemporaryDirectory() as place:
                    start = time.perf_counter()
                    trained = train_on(how, frozen, load_backbone(BACKBONE), Path(place))
                    seconds = time.perf_counter() - start
                    adapted = [trained.backbone.adapt(rows) for rows in (frozen.gallery, frozen.queries)]
                closed, now = by_cosine(frozen, *adapted, truth), whole
                if trained.backbone.for_default or not how.folds:
                    now, _ = by_default(frozen, *adapted, truth, share if how.folds else None)
                said = f"{trained.frozen:.3f} → {max(trained.held_out):.3f}" if trained.held_out else ""
                named = "{:.3f} → {:.3f}".format(*trained.recognised) if trained.recognised else ""
                kept = "frozen" if trained.kept_frozen else len(trained.epochs) - 1
                print(
                    f"| {name} | {training} | {epochs} | {seed} | {said} | {kept} | {named} | {closed:.3f} | {now:.3f} "
                    f"| {seconds:.0f} |",
                    flush=True,
                )


def by_cosine(frozen: Frozen, gallery, queries, truth) -> float:
    """mAP@5 of the known queries by plain cosine."""
    known = np.flatnonzero(np.array(truth) != "-1")
    ranking = CosineClassifier().fit(gallery, np.array(frozen.labels)).rank(queries[known])
    labels = [ranking.labels(row) for row in range(len(ranking))]
    return reciprocal_ranks(labels, [truth[row] for row in known], 5).mean()


def by_default(frozen: Frozen, gallery, queries, truth, share: float | None = None) -> tuple[float, float]:
    """mAP@5 of all queries by the default recognizer, and the contamination, estimated unless it is given."""
    recognizer = TransductiveClassifier(share).fit(gallery, np.array(frozen.labels))
    ranking = recognizer.rank(queries)
    labels = [ranking.labels(row) for row in range(len(ranking))]
    return reciprocal_ranks(labels, truth, 5).mean(), ranking.contamination


def embeddings(folder: Path, kept: Path) -> Frozen:
    gallery, queries = read_gallery(folder / "train.csv"), read_queries(folder / "test.csv")
    if not kept.exists():
        backbone = load_backbone(BACKBONE)
        engine = start_engine("auto", backbone)
        cache, views = open_cache(backbone, engine), Views(backbone, engine)
        made = {}
        for what, catalog in (("gallery", gallery), ("queries", queries)):
            made[what] = embed(catalog, backbone, engine=engine, cache=cache, what=what).matrix
            made[f"{what}_views"] = views.of(catalog, VIEWS, f"views of {what}")
        np.savez(kept, **made)
    held = np.load(kept)
    views = held["gallery_views"], held["queries_views"]
    return Frozen(held["gallery"], gallery.labels or (), held["queries"], *views)


if __name__ == "__main__":
    main()

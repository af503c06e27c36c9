"""What trainings reach on labelled tasks, beside the frozen embedding: a table in Markdown.

    python benchmarks/learning.py NAME=FOLDER [...] [--keep FOLDER] [--trainings metric simclr ...] [--seeds 3]

Each FOLDER holds train.csv (image,label), test.csv (image) and truth.csv (image,label; -1 for distractors). Trainings
get gallery and queries, the truth scores what they left. `--keep` holds the embeddings of views between runs.
"""

import argparse
import csv
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from fieldguide import CosineClassifier, TransductiveClassifier
from fieldguide.catalog import read_gallery, read_queries
from fieldguide.embedding import embed, load_backbone
from fieldguide.evaluation.metrics import reciprocal_ranks
from fieldguide.learning import Frozen, Trained, configuration, train_on
from fieldguide.learning.banks import embed_views

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
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    print("| task | training | epochs | seed | held-out, frozen → best | kept epoch | closed-set | whole | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in args.tasks:
        name, folder = task.split("=", 1)
        measure(name, Path(folder), args)


def measure(name: str, folder: Path, args: argparse.Namespace) -> None:
    frozen = embeddings(folder, args.keep / f"views-{name}.npz")
    with (folder / "truth.csv").open(newline="") as file:
        by_name = {row["image"]: row["label"] for row in csv.DictReader(file)}
    truth = [by_name[image] for image in read_queries(folder / "test.csv").images]
    recognizer = TransductiveClassifier()
    closed, whole = scores(frozen, frozen.gallery, frozen.queries, truth, recognizer)
    share = recognizer.contamination_
    print(f"| {name} | frozen |  |  |  |  | {closed:.3f} | {whole:.3f} |  |", flush=True)
    for training in args.trainings:
        for epochs in args.epochs:
            for seed in range(args.seeds):
                how = configuration(training).with_changes(epochs=epochs, seed=seed)
                how = replace(how, views=min(how.views, VIEWS))
                with tempfile.TemporaryDirectory() as place:
                    start = time.perf_counter()
                    trained = train_on(how, frozen, load_backbone(BACKBONE), Path(place))
                    seconds = time.perf_counter() - start
                    adapted = [adapt(trained, rows) for rows in (frozen.gallery, frozen.queries)]
                # the contamination is that of the frozen embedding, as `identify` has it
                recognizer = TransductiveClassifier(contamination=None if trained.kept_frozen else share)
                closed, whole = scores(frozen, *adapted, truth, recognizer)
                said = f"{trained.frozen:.3f} → {max(trained.held_out):.3f}" if trained.held_out else ""
                kept = "frozen" if trained.kept_frozen else len(trained.epochs) - 1
                print(
                    f"| {name} | {training} | {epochs} | {seed} | {said} | {kept} | {closed:.3f} | {whole:.3f} "
                    f"| {seconds:.0f} |",
                    flush=True,
                )


def scores(frozen: Frozen, gallery, queries, truth, recognizer) -> tuple[float, float]:
    """mAP@5 of the known queries by plain cosine, and of all by the default recognizer."""
    labels = np.array(frozen.labels)
    known = np.flatnonzero(np.array(truth) != "-1")
    plain = CosineClassifier().fit(gallery, labels).rank(queries[known])
    whole = recognizer.fit(gallery, labels).rank(queries)
    closed = reciprocal_ranks([plain.labels(row) for row in range(len(plain))], [truth[row] for row in known], 5)
    return closed.mean(), reciprocal_ranks([whole.labels(row) for row in range(len(whole))], truth, 5).mean()


def adapt(trained: Trained, rows):
    if trained.kept_frozen:
        return rows
    with torch.inference_mode():
        return trained.backbone.head()(torch.from_numpy(rows)).numpy()


def embeddings(folder: Path, kept: Path) -> Frozen:
    gallery, queries = read_gallery(folder / "train.csv"), read_queries(folder / "test.csv")
    if not kept.exists():
        backbone = load_backbone(BACKBONE)
        made = {}
        for what, catalog in (("gallery", gallery), ("queries", queries)):
            made[what] = embed(catalog, backbone, what=what).matrix
            made[f"{what}_views"] = embed_views(
                catalog, backbone, VIEWS, engine="auto", seed=0, what="views", show=True
            )
        np.savez(kept, **made)
    held = np.load(kept)
    views = held["gallery_views"], held["queries_views"]
    return Frozen(held["gallery"], gallery.labels or (), held["queries"], *views)


if __name__ == "__main__":
    main()

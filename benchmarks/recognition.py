"""Quality and seconds of the recognizers on the embeddings of labelled tasks: a table in Markdown.

    python benchmarks/recognition.py NAME=FOLDER [NAME=FOLDER ...]

Each FOLDER holds train.csv (image,label), test.csv (image) and truth.csv (image,label; -1 for distractors). The rules
are given nothing of the truth but, where the row says so, the share of distractors.
"""

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from fieldguide import CosineClassifier, DBSCANRule, OpenSetClassifier, ThresholdRule, TransductiveClassifier
from fieldguide.catalog import read_gallery, read_queries
from fieldguide.catalog.tables import read_columns
from fieldguide.embedding import embed, load_backbone
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    args = parser.parse_args()
    print("| task | recognizer | mAP@5 | AUROC | contamination: true, called or estimated | ECE | seconds | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for task in args.tasks:
        name, folder = task.split("=", 1)
        measure(name, Path(folder))


def measure(name: str, folder: Path) -> None:
    backbone = load_backbone("efficientnet-lite0")
    gallery, queries = read_gallery(folder / "train.csv"), read_queries(folder / "test.csv")
    shots, asked = (embed(catalog, backbone, show=False).matrix for catalog in (gallery, queries))
    truth = dict(zip(*read_columns(folder / "truth.csv", ["image", "label"]), strict=True))
    labels = [truth[image] for image in queries.images]
    distractor = np.array(labels) == "-1"
    share = float(distractor.mean())
    recognizers = {
        "cosine, threshold, share told": OpenSetClassifier(CosineClassifier(), ThresholdRule(contamination=share)),
        "cosine, DBSCAN": OpenSetClassifier(CosineClassifier(), DBSCANRule()),
        "transductive": TransductiveClassifier(),
        "transductive, share told": TransductiveClassifier(contamination=share),
    }
    for what, recognizer in recognizers.items():
        start = time.perf_counter()
        ranking = recognizer.fit(shots, np.array(gallery.labels)).rank(asked)
        seconds = time.perf_counter() - start
        points = reciprocal_ranks([ranking.labels(row) for row in range(len(ranking))], labels, 5)
        auroc = Separation(distractor, ranking.distractor_score).auroc(np.ones(len(labels)))
        called = getattr(recognizer, "contamination_", float(ranking.is_unknown().mean()))
        error = calibration_error(ranking.probability[:, 0], points == 1)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"| {name} | {what} | {points.mean():.3f} | {auroc:.3f} | {share:.2f}, {called:.2f} | {error:.3f} "
            f"| {seconds:.1f} | {memory:.0f} |",
            flush=True,
        )


def calibration_error(sure: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error of the first answer, Naeini et al., AAAI 2015; NaN without probabilities."""
    place = np.minimum((np.nan_to_num(sure) * bins).astype(int), bins - 1)
    gaps = [abs(sure[place == bin].mean() - right[place == bin].mean()) * (place == bin).mean() for bin in set(place)]
    return float(np.sum(gaps))


if __name__ == "__main__":
    main()

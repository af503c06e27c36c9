"""What local matching is worth to the default recognizer, told nothing: a table in Markdown.

    python benchmarks/matching.py NAME=FOLDER [NAME=FOLDER ...]

Each FOLDER holds train.csv (image,label), test.csv (image) and truth.csv (image,label; -1 for distractors). Local
features and embeddings are kept in the cache folder; seconds are those of matching and of recognition after these.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from fieldguide import TransductiveClassifier
from fieldguide.evaluation.metrics import Separation
from fieldguide.matching import describe_pictures, load_matcher, nearest_matches, verified_scores
from fieldguide.records import ImageTable, read_gallery, read_queries
from tasks import STRANGE, points_of, read_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    args = parser.parse_args()
    print("| task | matching | mAP@5 | AUROC | known queries alone | contamination | seconds | what was said |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for named in args.tasks:
        name, folder = named.split("=", 1)
        task = read_task(Path(folder))
        gallery, queries = read_gallery(Path(folder) / "train.csv"), read_queries(Path(folder) / "test.csv")
        both = ImageTable([*gallery.images, *queries.images], [*gallery.paths, *queries.paths])
        described = describe_pictures(both, load_matcher("sift"))
        start = time.monotonic()
        scores = verified_scores(described, nearest_matches(described))
        matched = time.monotonic() - start
        recognizer = TransductiveClassifier().fit(task.gallery, task.labels)
        for what, matches in (("off", None), ("auto", scores)):
            start = time.monotonic()
            ranking = recognizer.rank(task.queries, matches=matches)
            seconds = time.monotonic() - start + (0 if matches is None else matched)
            points, strange = points_of(ranking, task), task.truth == STRANGE
            auroc = Separation(strange, ranking.distractor_score).auroc(np.ones(len(strange)))
            print(
                f"| {name} | {what} | {points.mean():.3f} | {float(auroc):.3f} | {points[~strange].mean():.3f} | "
                f"{ranking.contamination:.2f} | {seconds:.0f} | {ranking.explanation} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

"""Quality and seconds of the recognizers on the embeddings of labelled tasks: a table in Markdown.

    python benchmarks/recognition.py NAME=FOLDER [NAME=FOLDER ...]

Each FOLDER holds train.csv (image,label), test.csv (image) and truth.csv (image,label; -1 for distractors). The rules
are given nothing of the truth but, where the row says so, the share of distractors.
"""

import argparse
import resource
import time
from pathlib import Path

from fieldguide import (
    CosineClassifier,
    DBSCANRule,
    InductiveClassifier,
    OpenSetClassifier,
    ThresholdRule,
    TransductiveClassifier,
)
from tasks import measure, read_task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    args = parser.parse_args()
    print("| task | recognizer | mAP@5 | AUROC | contamination: true, called or estimated | ECE | seconds | peak MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for named in args.tasks:
        name, folder = named.split("=", 1)
        task = read_task(Path(folder))
        share = task.contamination
        recognizers = {
            "cosine, threshold, share told": OpenSetClassifier(CosineClassifier(), ThresholdRule(contamination=share)),
            "cosine, DBSCAN": OpenSetClassifier(CosineClassifier(), DBSCANRule()),
            "inductive": InductiveClassifier(),
            "transductive": TransductiveClassifier(),
            "transductive, share told": TransductiveClassifier(contamination=share),
        }
        for what, recognizer in recognizers.items():
            start = time.perf_counter()
            reached = measure(recognizer, task)
            seconds = time.perf_counter() - start
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"| {name} | {what} | {reached.precision:.3f} | {reached.auroc:.3f} "
                f"| {share:.2f}, {reached.called:.2f} | {reached.ece:.3f} | {seconds:.1f} | {memory:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()

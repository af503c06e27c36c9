"""Shots, classes, contamination, unequal galleries: the default recognizer beside cosine, a table in Markdown.

    python benchmarks/cuts.py NAME=FOLDER [NAME=FOLDER ...]

Each FOLDER holds a task as for benchmarks/recognition.py, whose pictures are cut anew. Where all pictures have a
class, distractors are whole classes: put those pictures into the task as well, each with its label. Plain cosine
never says unknown.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide import CosineClassifier, TransductiveClassifier
from tasks import STRANGE, Task, cut, measure, read_task

FEWEST = 50  # queries of which a table row is made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--seeds", type=int, default=2, help="cuts of each kind (default 2)")
    args = parser.parse_args()
    print("| set | cut | classes | queries | mAP@5: cosine | default | AUROC | contamination: true | estimated | ECE |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for named in args.tasks:
        name, folder = named.split("=", 1)
        pool = read_task(Path(folder))
        for what, options in kinds(pool):
            row(f"{name} | {what}", [cut(pool, seed=seed, **options) for seed in range(args.seeds)])


def kinds(pool: Task) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the kinds of cut, with what makes them."""
    whole_classes = STRANGE not in pool.truth
    for shots in (1, 2, 5, 10):
        yield f"shots {shots}", {"shots": shots}
    for classes in (10, 100, 1000):
        yield f"classes {classes}", {"classes": classes}
    yield "unequal shots", {"unequal": True}
    for share in (0, 0.1, 0.3, 0.5, 0.7):
        # many distractors need many classes to be such
        many = {"known": 0.4, "most": 30} if share >= 0.5 and whole_classes else {}
        yield f"contamination {share:.0%}", {"contamination": share, **many}


def row(name: str, tasks: list[Task]) -> None:
    """Print the means of some cuts of one kind, unless the pool had too few pictures for it."""
    if min(len(task.queries) for task in tasks) < FEWEST:
        return
    plain = [measure(CosineClassifier(), task) for task in tasks]
    default = [measure(TransductiveClassifier(), task) for task in tasks]
    means = [np.mean([getattr(one, what) for one in default]) for what in ("precision", "auroc", "ece")]
    estimates = ", ".join(f"{one.called:.2f}" for one in default)
    print(
        f"| {name} | {len(set(tasks[0].labels))} | {np.mean([len(task.queries) for task in tasks]):.0f} "
        f"| {np.mean([one.precision for one in plain]):.3f} | {means[0]:.3f} | {means[1]:.3f} "
        f"| {tasks[0].contamination:.2f} | {estimates} | {means[2]:.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

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
            for seed in range(args.seeds):
                row(f"{name} | {what}", cut(pool, seed=seed, **options))


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


def row(name: str, task: Task) -> None:
    """Print what is reached on a cut, unless the pool had too few pictures for it."""
    if len(task.queries) < FEWEST:
        return
    plain, default = measure(CosineClassifier(), task), measure(TransductiveClassifier(), task)
    print(
        f"| {name} | {len(set(task.labels))} | {len(task.queries)} | {plain.precision:.3f} | {default.precision:.3f} "
        f"| {default.auroc:.3f} | {task.contamination:.2f} | {default.called:.2f} | {default.ece:.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()

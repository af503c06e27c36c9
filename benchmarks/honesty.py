"""Whether what the default recognizer says of itself is true, on some 200 tasks of different nature: a table, a plot.

    python benchmarks/honesty.py --cache CACHE --out RESULTS.csv [--data DATA] [--group development]
        [--sets NAME ...] [--jobs 2] [--quick] [--plot docs/honesty.svg]

Each task is answered by `TransductiveClassifier()`, told nothing, and by two plain rules: the unknown label first and
cosine's four nearest classes after it, and cosine + DBSCAN. RESULTS.csv gets a row a task as soon as it is done, and a
run that is stopped goes on where it was; give another file after a change of the recognizer. The plain rules are kept
in CACHE, and so are embeddings.

Sets are drawn by `drawn_sets.py` and `mixtures.py`, or read from a folder of DATA (`honesty_sets.py`); a folder that is
not there is said, and left out. `honesty_tasks.py` lists the tasks. Constants of the recognizer are chosen on the group
`development` alone; `check` is what they are shown on, and is not to be looked into task by task.

`--quick` takes the first task of each set. `--summary` computes nothing: it prints the summary of RESULTS.csv.
"""

import argparse
import csv
import hashlib
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import lru_cache
from pathlib import Path

import numpy as np

from fieldguide import CosineClassifier, DBSCANRule, OpenSetClassifier, Ranking, TransductiveClassifier
from fieldguide.evaluation.metrics import Separation, reciprocal_ranks
from honesty_report import print_summary, read_results, write_plot
from honesty_sets import LabelledSet, load, names_of
from honesty_tasks import Cut, CutTask, cut, plan
from mixtures import MIXTURES
from tasks import STRANGE, calibration_error, points_of

PLAIN = ("digest", "unknown_first", "dbscan")
SHARES = ("known_named_rightly", "names_right", "distractors_named")
COLUMNS = (
    *("task", "set", "group", "shots", "classes", "pictures", "queries", "seconds"),
    *("map5", "unknown_first", "dbscan", "auroc", "ece"),
    *("contamination", "estimated", "low", "high"),
    *(f"{share}_{what}" for share in SHARES for what in ("true", "expected", "low", "high")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--cache", type=Path, required=True, help="folder of embeddings and of the plain rules' answers"
    )
    parser.add_argument("--out", type=Path, required=True, help="CSV, a row a task")
    parser.add_argument("--data", type=Path, help="folder with a folder a set of pictures")
    parser.add_argument("--group", choices=["development", "check", "all"], default="all")
    parser.add_argument("--sets", nargs="+", metavar="NAME", help="these alone")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the first task of each set alone")
    parser.add_argument("--plot", type=Path, help="SVG")
    parser.add_argument("--summary", action="store_true", help="of what is in --out; compute nothing")
    args = parser.parse_args()
    if not args.summary:
        run(args)
    results = read_results(args.out)
    print_summary(results)
    if args.plot:
        write_plot(results, args.plot)


def run(args: argparse.Namespace) -> None:
    """Answer the tasks that have no row yet."""
    done = {row["task"] for row in _rows(args.out)}
    kept = {row["digest"]: row for row in _rows(args.cache / "plain.csv")}
    wanted: list[Cut] = []
    for name in names_of(args.group):
        if args.sets and name not in args.sets:
            continue
        cuts = [how for how in plan(args.group) if how.name == name][: 1 if args.quick else None]
        cuts = [how for how in cuts if how.key not in done]
        try:
            if cuts and name not in MIXTURES:
                load(name, args.cache, args.data)  # here, so that no two processes embed the same pictures
        except FileNotFoundError as missing:
            print(f"{name}: left out: {missing}", flush=True)
            continue
        wanted += cuts
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # of the processes to come
        os.environ[variable] = "1"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, context) as pool:
        futures = [pool.submit(answer, how, args.cache, args.data, kept) for how in wanted]
        for number, future in enumerate(as_completed(futures), start=1):
            row = future.result()
            if isinstance(row, str):
                print(f"{row}; left out", flush=True)
                continue
            if row["digest"] not in kept:
                _append(args.cache / "plain.csv", PLAIN, row)
            _append(args.out, COLUMNS, row)
            print(
                f"{number}/{len(wanted)} {row['task']}: mAP@5 {row['map5']:.3f} "
                f"({max(row['unknown_first'], row['dbscan']):.3f}), AUROC {row['auroc']:.2f}, contamination "
                f"{row['estimated']:.2f} for {row['contamination']:.2f}, ECE {row['ece']:.3f}",
                flush=True,
            )


def answer(how: Cut, cache: Path, data: Path | None, kept: dict[str, dict[str, str]]) -> dict | str:
    """Cut a task and give its row; or say why it cannot be cut."""
    try:
        task = cut(_loaded(how.name, cache, data), how)
    except ValueError as impossible:
        return str(impossible)
    arrays = task.gallery, task.labels.astype("S"), task.queries, task.truth.astype("S")
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]
    plain = kept.get(digest) or plain_rules(task)
    start = time.process_time()
    ranking = TransductiveClassifier().fit(task.gallery, task.labels).rank(task.queries)
    seconds = time.process_time() - start
    return {
        "task": how.key,
        "digest": digest,
        "set": how.name,
        "group": "check" if how.name in names_of("check") else "development",
        "shots": how.shots or "unequal",
        "classes": len(set(task.labels)),
        "pictures": len(task.gallery),
        "queries": len(task.queries),
        "seconds": round(seconds, 2),
        **{rule: float(plain[rule]) for rule in PLAIN[1:]},
        **measured(ranking, task),
    }


@lru_cache(maxsize=2)
def _loaded(name: str, cache: Path, data: Path | None) -> LabelledSet:
    return load(name, cache, data)


def plain_rules(task: CutTask) -> dict[str, float]:
    """Give mAP@5 of the rules that any answer is to beat."""
    nearest = CosineClassifier().fit(task.gallery, task.labels).rank(task.queries, k=4)
    behind = [[STRANGE, *nearest.labels(row)] for row in range(len(nearest))]
    clustered = OpenSetClassifier(CosineClassifier(), DBSCANRule()).fit(task.gallery, task.labels).rank(task.queries)
    return {
        "unknown_first": float(reciprocal_ranks(behind, list(task.truth), 5).mean()),
        "dbscan": float(points_of(clustered, task).mean()),
    }


def measured(ranking: Ranking, task: CutTask) -> dict[str, float]:
    """Give what the ranking reached beside what it said of itself; NaN where it says nothing or nothing is to say."""
    distractor, points = task.truth == STRANGE, points_of(ranking, task)
    first = np.array([ranking.labels(row)[0] for row in range(len(ranking))])
    named, right = first != STRANGE, (first == task.truth) & ~distractor
    mixed = distractor.any() and not distractor.all()
    low, high = ranking.contamination_interval or (np.nan, np.nan)
    row = {
        "map5": float(points.mean()),
        "auroc": float(Separation(distractor, ranking.distractor_score).auroc(np.ones(len(first))))
        if mixed
        else np.nan,
        "ece": calibration_error(ranking.probability[:, 0], points == 1),
        "contamination": task.contamination,
        "estimated": ranking.contamination,
        "low": low,
        "high": high,
    }
    true = {
        "known_named_rightly": _share(right[~distractor]),
        "names_right": _share(right[named]),
        "distractors_named": _share(named[distractor]),
    }
    said = getattr(ranking, "expected", None)
    for share in SHARES:
        expected = getattr(said, share, None)
        row[f"{share}_true"] = true[share]
        for column, attribute in (("expected", "value"), ("low", "low"), ("high", "high")):
            row[f"{share}_{column}"] = getattr(expected, attribute, np.nan)
    return row


def _share(flags: np.ndarray) -> float:
    return float(flags.mean()) if len(flags) else float("nan")


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _append(path: Path, columns: tuple[str, ...], row: dict) -> None:
    new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})


if __name__ == "__main__":
    main()

"""The summary and the plot of what honesty.py measured."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORDS = ("task", "set", "group", "shots")
SEPARABLE = 0.7  # AUROC above which the contamination is held to its bound
NEAR_ENOUGH = 0.01  # of mAP@5
Results = dict[str, np.ndarray]


def read_results(path: Path) -> Results:
    """Read the columns of a CSV that honesty.py wrote."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        column: np.array([row[column] if column in WORDS else float(row[column] or "nan") for row in rows])
        for column in (rows[0] if rows else ())
    }


def print_summary(results: Results) -> None:
    """Print a table in Markdown: all tasks, those of a group, of a kind, of a set; and what copies and crowds cost."""
    if not results:
        print("no task was answered")
        return
    print(
        "\n| tasks | n | mAP@5 | better plain rule | worst shortfall | short by more than 0.01 "
        "| share off, AUROC > 0.7 | share off, all | its interval holds | ECE mean, worst "
        "| names right: off, interval holds | known named rightly: off, holds | CPU seconds |"
    )
    print("|" + " --- |" * 13)
    for name, rows in _parts(results):
        if not rows.any():
            continue
        print(f"| {name} | {' | '.join(_figures({key: column[rows] for key, column in results.items()}))} |")
    better = np.maximum(results["unknown_first"], results["dbscan"])
    short = results["map5"] - better
    print("\nFurthest below the better plain rule:")
    for row in np.argsort(short)[:10]:
        print(
            f"- {results['task'][row]}: {results['map5'][row]:.3f} for {better[row]:.3f}, contamination "
            f"{results['estimated'][row]:.2f} for {results['contamination'][row]:.2f}"
        )
    _print_changes(results)


def _parts(results: Results) -> Iterator[tuple[str, np.ndarray]]:
    tasks, sets = results["task"], results["set"]
    yield "all", np.ones(len(tasks), bool)
    for column in ("group", "shots"):
        for value in np.unique(results[column]):
            name = {"0": "unequal shots", "unequal": "unequal shots", "1": "1 shot"}.get(value, f"{value} shots")
            yield (value if column == "group" else name), results[column] == value
    for word in ("copies", "near", "crowd"):
        yield word, np.char.find(tasks, f"_{word}") >= 0
    for name in np.unique(sets):
        yield name, sets == name


def _figures(part: Results) -> Iterator[str]:
    short = part["map5"] - np.maximum(part["unknown_first"], part["dbscan"])
    off = np.abs(part["estimated"] - part["contamination"])
    yield f"{len(short)}"
    yield f"{part['map5'].mean():.3f}"
    yield f"{np.maximum(part['unknown_first'], part['dbscan']).mean():.3f}"
    yield f"{min(short.min(), 0):.3f}"
    yield f"{(short < -NEAR_ENOUGH).sum()}"
    yield _mean(off[part["auroc"] > SEPARABLE])
    yield _mean(off)
    yield _mean(_holds(part["low"], part["contamination"], part["high"]))
    yield f"{_mean(part['ece'])}, {part['ece'].max():.3f}"
    for share in ("names_right", "known_named_rightly"):
        true, expected = part[f"{share}_true"], part[f"{share}_expected"]
        yield f"{_mean(np.abs(true - expected))}, {_mean(_holds(part[f'{share}_low'], true, part[f'{share}_high']))}"
    yield f"{part['seconds'].mean():.1f}"


def _print_changes(results: Results) -> None:
    """Say what copies, near copies and crowds change against the same cut without them."""
    row_of = {task: row for row, task in enumerate(results["task"])}
    print("\n| with | without | mAP@5 with, without | contamination with, without |\n| --- | --- | --- | --- |")
    for task, row in row_of.items():
        extra = [word for word in task.split("_") if word.startswith(("copies", "near", "crowd"))]
        base = row_of.get(task.replace(f"_{extra[0]}", "")) if extra else None
        if base is not None:
            precision, share = results["map5"], results["estimated"]
            print(
                f"| {extra[0]} | {results['task'][base]} | {precision[row]:.3f}, {precision[base]:.3f} "
                f"| {share[row]:.2f}, {share[base]:.2f} for {results['contamination'][base]:.2f} |"
            )


def _holds(low: np.ndarray, true: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Say whether intervals hold the truth; NaN where there is none."""
    near = 1e-6  # the file holds rounded numbers
    return np.where(np.isnan(low + true), np.nan, (low - near <= true) & (true <= high + near))


def _mean(values: np.ndarray) -> str:
    values = values[~np.isnan(values)]
    return f"{values.mean():.3f}" if len(values) else "—"


def write_plot(results: Results, path: Path) -> None:
    """Draw estimated against true share, expected against true precision of names, mAP@5 against the better rule."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "honesty"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    better = np.maximum(results["unknown_first"], results["dbscan"])
    spread = np.random.default_rng(0).normal(0, 0.008, len(better))  # true shares are few: they would hide each other
    panels = (
        ("contamination", results["contamination"] + spread, results["estimated"], "true", "estimated"),
        ("names that are right", results["names_right_true"], results["names_right_expected"], "true", "expected"),
        ("mAP@5", better, results["map5"], "better plain rule", "default recognizer"),
    )
    for axis, (title, x, y, across, up) in zip(axes, panels, strict=True):
        axis.plot([0, 1], [0, 1], color="0.8")
        dots = axis.scatter(x, y, c=np.nan_to_num(results["auroc"], nan=0.5), vmin=0.5, vmax=1, s=14, cmap="viridis")
        axis.set(title=title, xlabel=across, ylabel=up, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    figure.colorbar(dots, ax=axes, label="AUROC of known against distractor")
    figure.savefig(path, metadata={"Date": None})

"""How often the first answer is right against how sure it is said to be: the plot in docs/.

    python benchmarks/reliability.py docs/reliability.svg NAME=FOLDER [NAME=FOLDER ...]

Folders as for benchmarks/recognition.py.
"""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from fieldguide import TransductiveClassifier
from tasks import calibration_error, points_of, read_task

BINS = 10
FEWEST = 20  # answers of which a point is made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", type=Path)
    parser.add_argument("tasks", nargs="+", metavar="NAME=FOLDER")
    args = parser.parse_args()
    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "reliability"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(4.2, 4), layout="constrained")
    axes.plot([0, 1], [0, 1], color="0.8")
    for named in args.tasks:
        name, folder = named.split("=", 1)
        task = read_task(Path(folder))
        ranking = TransductiveClassifier().fit(task.gallery, task.labels).rank(task.queries)
        sure, right = ranking.probability[:, 0], points_of(ranking, task) == 1
        place = np.minimum((sure * BINS).astype(int), BINS - 1)
        full = [bin for bin in range(BINS) if (place == bin).sum() >= FEWEST]
        points = [(sure[place == bin].mean(), right[place == bin].mean()) for bin in full]
        axes.plot(*zip(*points, strict=True), marker="o", label=f"{name}, ECE {calibration_error(sure, right):.3f}")
    axes.set(xlabel="probability of the first answer", ylabel="share that is right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    figure.savefig(args.figure, metadata={"Date": None})


if __name__ == "__main__":
    main()

"""The default recognizer with each of its parts removed: a table in Markdown.

    python benchmarks/ablation.py TASK [TASK ...] [--only PART ...]

A task is NAME=FOLDER, a folder as for benchmarks/recognition.py, or the name of one of the mixtures of
benchmarks/mixtures.py. Tasks named alike but for a number at the end are averaged, and so are mixtures.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
from sklearn.base import BaseEstimator

from fieldguide import TransductiveClassifier
from fieldguide.recognition import PowerCentring, WithinClassWhitening
from fieldguide.recognition.calibration import RehearsedCalibration
from fieldguide.recognition.evidence import Evidence
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.whitening import _principal_axes
from mixtures import MIXTURES
from tasks import Measured, Task, cut, measure, read_task

HERE = "fieldguide.recognition."


class Unchanged(BaseEstimator):
    """Unit rows in place of the whitened space."""

    def fit(self, X: np.ndarray, y: object, **others: object) -> "Unchanged":
        self.n_features_in_ = X.shape[1]
        self.map_ = np.eye(X.shape[1], dtype=np.float32)
        return self

    def map_rows(self, X: np.ndarray) -> np.ndarray:
        return unit_rows(X)


class Uncentred(PowerCentring):
    """The power alone."""

    def _update_mean(self, X: np.ndarray) -> "Uncentred":
        super()._update_mean(X)
        self.mean_ = np.zeros_like(self.mean_)
        return self


@contextmanager
def equal_shots() -> Iterator[None]:
    """Let every picture send out as much, whichever class it is of."""
    with ExitStack() as stack:
        for module in "propagation", "evidence":
            stack.enter_context(patch(HERE + module + ".source_mass", lambda codes: np.ones(len(codes), np.float32)))
        yield


def at_the_mean(calibration: RehearsedCalibration, log_odds: np.ndarray, share: float | None) -> np.ndarray:
    """Answer for the share to expect alone."""
    return ALL_SHARES(calibration, log_odds, calibration.posterior.mean if share is None else share)


ALL_FEATURES = Evidence.features
ALL_SHARES = RehearsedCalibration.known
AXES = _principal_axes
# The scale of scores alone is learned, and a known query's class is always among the candidates
ONE_TEMPERATURE = [(-4.0, 2.0), (0.0, 0.0), (8.0, 8.0), (0.0, 0.0)]
REMOVED: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "nothing": nullcontext,
    "power": lambda: patch(HERE + "centred.PowerCentring", lambda: PowerCentring(power=1)),
    "centring": lambda: patch(HERE + "centred.PowerCentring", Uncentred),
    "whitening": lambda: patch(HERE + "evidence.WithinClassWhitening", lambda seed: Unchanged()),
    "near pairs in whitening": lambda: patch(
        HERE + "evidence.WithinClassWhitening", lambda seed: WithinClassWhitening(pair_weight=1e-6, seed=seed)
    ),
    "what queries teach whitening": lambda: patch(HERE + "evidence.GUESSED", 0),
    "directions of known classes": lambda: patch(
        HERE + "space._principal_axes", lambda known, sample, whitener, dim: AXES(sample, sample, whitener, dim)
    ),
    "spreading beyond one step": lambda: patch(HERE + "propagation.ROUNDS", 1),
    "cosine to class means in the score": lambda: patch(HERE + "evidence.COSINE_WEIGHT", 0.0),
    "total mass of all labels": lambda: patch.object(Evidence, "features", lambda one: ALL_FEATURES(one)[:, :4]),
    "neighbours' log odds": lambda: patch(HERE + "transductive.smooth_over", lambda graph, values: values),
    "weights of the hidden shots": lambda: patch(
        HERE + "transductive.representativeness",
        lambda codes, episode, queries: np.ones(len(episode.heldout_shot_rows)),
    ),
    "integral over the share": lambda: patch.object(RehearsedCalibration, "known", at_the_mean),
    "scores out of fold": lambda: patch(HERE + "known_or_not.FOLDS", 1),
    "sureness query by query": lambda: patch(HERE + "class_probability.BOUNDS", ONE_TEMPERATURE),
    "mismatch of examples": lambda: patch(HERE + "contamination.MISMATCHES", (0.0, 0.0)),
    "twins count once": lambda: patch(
        HERE + "transductive.distinct_shots", lambda gallery, *others: np.arange(len(gallery))
    ),
    "classes send out as much": equal_shots,
    "sharper with all shots": lambda: patch(HERE + "calibration._score_scale", lambda episodes: 1.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="+", metavar="TASK")
    parser.add_argument("--only", nargs="+", choices=REMOVED, default=REMOVED, help="parts to remove, all if not given")
    args = parser.parse_args()
    sets: dict[str, list[Task]] = defaultdict(list)
    for named in args.tasks:
        name, _, folder = named.partition("=")
        if folder:
            sets[name.rstrip("0123456789 ")].append(read_task(Path(folder)))
        else:
            sets["mixtures"].append(draw_task(name))
    print("| removed |" + "".join(f" {name}: mAP@5 | AUROC | contamination off by | ECE |" for name in sets))
    print("| --- |" + " --- |" * (4 * len(sets)))
    for part in args.only:
        with REMOVED[part]():
            print(f"| {part} |" + "".join(cells(tasks) for tasks in sets.values()), flush=True)


def draw_task(name: str) -> Task:
    """Cut a task of three shots a class and 30% distractors from a mixture."""
    rows, labels, *_ = MIXTURES[name].draw()
    return cut(Task(rows[:0], labels[:0], rows, labels), most=13)


def cells(tasks: list[Task]) -> str:
    """Measure the default on each task, and give the means."""
    reached: list[Measured] = [measure(TransductiveClassifier(), task) for task in tasks]
    off = [abs(one.called - task.contamination) for one, task in zip(reached, tasks, strict=True)]
    means = [np.mean([getattr(one, what) for one in reached]) for what in ("precision", "auroc", "ece")]
    return f" {means[0]:.3f} | {means[1]:.3f} | {np.mean(off):.3f} | {means[2]:.3f} |"


if __name__ == "__main__":
    main()

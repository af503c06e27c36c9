"""What scikit-learn's searches need to see the unknown label: folds with distractors, and a scorer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fieldguide.core.arrays import Anything, Ints
from fieldguide.evaluation.metrics import reciprocal_ranks
from fieldguide.evaluation.tasks import simulated_tasks


@dataclass(frozen=True)
class MeanAveragePrecision:
    """mAP@k as a scorer for `GridSearchCV` and `cross_val_score`.

    A query whose label the recognizer was not fitted on is a distractor: the unknown label is right for it. Accuracy,
    scikit-learn's own choice, is of `predict`, which never says unknown, so that every contamination scores the same.

    Parameters
    ----------
    k : answers that count
    unknown : the unknown label, where y has it for distractors
    """

    k: int = 5
    unknown: str = "-1"

    def __call__(self, recognizer: Any, X: Anything, y: Anything) -> float:
        """Score a fitted recognizer on queries X (n, dim) with their true labels y (n,): 0 to 1."""
        known = {str(label) for label in recognizer.classes_}
        truth = [str(label) if str(label) in known else self.unknown for label in y]
        ranking = recognizer.rank(X, k=self.k).named((), self.unknown)
        return float(reciprocal_ranks([answer.labels for answer in ranking], truth, self.k).mean())


@dataclass(frozen=True)
class OpenSetSplit:
    """Folds of a labelled gallery, as `cv` of a search: of most classes one shot is hidden, others are distractors.

    Each fold is a task as `fieldguide compare` cuts it from a gallery: 30% of its queries are of classes held out.

    Parameters
    ----------
    n_splits : how many folds
    seed : of the cuts
    """

    n_splits: int = 3
    seed: int = 0

    def split(self, X: Anything, y: Anything, groups: object = None) -> Iterator[tuple[Ints, Ints]]:
        """Give rows to fit on and rows to score on, a pair a fold.

        Raises
        ------
        RecordsError : no class has two pictures.
        """
        for task in simulated_tasks([str(label) for label in y], self.n_splits, seed=self.seed):
            yield task.gallery, task.queries

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:
        """Give the number of folds."""
        return self.n_splits

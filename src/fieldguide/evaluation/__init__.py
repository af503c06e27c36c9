"""From answers and the truth to scores."""

from fieldguide.evaluation.bootstrap import Score
from fieldguide.evaluation.scores import Evaluation, evaluate
from fieldguide.evaluation.search import MeanAveragePrecision, OpenSetSplit
from fieldguide.evaluation.truth import match_truth, resolve_labels

__all__ = ["Evaluation", "MeanAveragePrecision", "OpenSetSplit", "Score", "evaluate", "match_truth", "resolve_labels"]

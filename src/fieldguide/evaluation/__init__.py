"""From answers and the truth to scores."""

from fieldguide.evaluation.scores import Score, evaluate
from fieldguide.evaluation.truth import match_truth, resolve_labels

__all__ = ["Score", "evaluate", "match_truth", "resolve_labels"]

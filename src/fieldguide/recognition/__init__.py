"""From embeddings to a ranking of labels. Knows nothing of pictures."""

from fieldguide.recognition.cosine import CosineClassifier
from fieldguide.recognition.distractors import DBSCANRule, DistractorRule, ThresholdRule, Verdict
from fieldguide.recognition.open_set import OpenSetClassifier
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Ranking

__all__ = [
    "NOTHING",
    "UNKNOWN",
    "CosineClassifier",
    "DBSCANRule",
    "DistractorRule",
    "OpenSetClassifier",
    "Ranking",
    "ThresholdRule",
    "Verdict",
]

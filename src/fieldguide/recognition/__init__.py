"""From embeddings to a ranking of labels. Knows nothing of pictures."""

from fieldguide.recognition.cosine import CosineClassifier
from fieldguide.recognition.distractors import (
    DBSCANRule,
    DistractorRule,
    EVoCRule,
    HDBSCANRule,
    ThresholdRule,
    Verdict,
)
from fieldguide.recognition.open_set import OpenSetClassifier
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Ranking
from fieldguide.recognition.recognizer import OpenSetRecognizer, Recognizer
from fieldguide.recognition.space import PowerCentring, WithinClassWhitening
from fieldguide.recognition.transductive import TransductiveClassifier

__all__ = [
    "NOTHING",
    "UNKNOWN",
    "CosineClassifier",
    "DBSCANRule",
    "DistractorRule",
    "EVoCRule",
    "HDBSCANRule",
    "OpenSetClassifier",
    "OpenSetRecognizer",
    "PowerCentring",
    "Ranking",
    "Recognizer",
    "ThresholdRule",
    "TransductiveClassifier",
    "Verdict",
    "WithinClassWhitening",
]

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
from fieldguide.recognition.inductive import InductiveClassifier
from fieldguide.recognition.open_set import OpenSetClassifier
from fieldguide.recognition.pipeline import RankingPipeline
from fieldguide.recognition.power_centring import PowerCentring
from fieldguide.recognition.probabilistic import ProbabilisticClassifier
from fieldguide.recognition.ranking import NOTHING, UNKNOWN, Answer, Ranking
from fieldguide.recognition.recognizer import RankingMixin, Recognizer
from fieldguide.recognition.self_training import SelfTrainingClassifier
from fieldguide.recognition.transductive import TransductiveClassifier
from fieldguide.recognition.whitening import WithinClassWhitening
from fieldguide.recognition.xgboost import XGBoostClassifier

__all__ = [
    "NOTHING",
    "UNKNOWN",
    "Answer",
    "CosineClassifier",
    "DBSCANRule",
    "DistractorRule",
    "EVoCRule",
    "HDBSCANRule",
    "InductiveClassifier",
    "OpenSetClassifier",
    "PowerCentring",
    "ProbabilisticClassifier",
    "Ranking",
    "RankingMixin",
    "RankingPipeline",
    "Recognizer",
    "SelfTrainingClassifier",
    "ThresholdRule",
    "TransductiveClassifier",
    "Verdict",
    "WithinClassWhitening",
    "XGBoostClassifier",
]

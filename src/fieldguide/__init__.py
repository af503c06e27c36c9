"""A few labelled pictures a class go in; for every other picture its likeliest classes come out, or none of these.

>>> import fieldguide
>>> ranking = fieldguide.identify("gallery/", "queries/")  # doctest: +SKIP
>>> for name, labels in ranking:  # doctest: +SKIP
...     print(name, labels)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fieldguide.core.errors import FieldguideError
    from fieldguide.embedding import EmbeddingTable
    from fieldguide.embedding.embedder import Embedder
    from fieldguide.evaluation import MeanAveragePrecision, OpenSetSplit, evaluate
    from fieldguide.pipelines.compare import compare
    from fieldguide.pipelines.identify import identify
    from fieldguide.recognition import (
        CosineClassifier,
        DBSCANRule,
        EVoCRule,
        HDBSCANRule,
        InductiveClassifier,
        OpenSetClassifier,
        ProbabilisticClassifier,
        Ranking,
        RankingPipeline,
        SelfTrainingClassifier,
        ThresholdRule,
        TransductiveClassifier,
        XGBoostClassifier,
    )
    from fieldguide.records import ImageTable
    from fieldguide.records.answers import Format, read_answers
    from fieldguide.report.answers import write_answers
    from fieldguide.report.details import write_details
    from fieldguide.report.result import IdentificationResult

_WHERE = {  # each is loaded when it is first used: `fieldguide --help` loads none
    "CosineClassifier": "recognition",
    "DBSCANRule": "recognition",
    "EVoCRule": "recognition",
    "Embedder": "embedding.embedder",
    "EmbeddingTable": "embedding",
    "FieldguideError": "core.errors",
    "Format": "records.answers",
    "HDBSCANRule": "recognition",
    "IdentificationResult": "report.result",
    "ImageTable": "records",
    "InductiveClassifier": "recognition",
    "MeanAveragePrecision": "evaluation",
    "OpenSetClassifier": "recognition",
    "OpenSetSplit": "evaluation",
    "ProbabilisticClassifier": "recognition",
    "Ranking": "recognition",
    "RankingPipeline": "recognition",
    "SelfTrainingClassifier": "recognition",
    "ThresholdRule": "recognition",
    "TransductiveClassifier": "recognition",
    "XGBoostClassifier": "recognition",
    "compare": "pipelines.compare",
    "evaluate": "evaluation",
    "identify": "pipelines.identify",
    "read_answers": "records.answers",
    "write_answers": "report.answers",
    "write_details": "report.details",
}
__all__ = [
    "CosineClassifier",
    "DBSCANRule",
    "EVoCRule",
    "Embedder",
    "EmbeddingTable",
    "FieldguideError",
    "Format",
    "HDBSCANRule",
    "IdentificationResult",
    "ImageTable",
    "InductiveClassifier",
    "MeanAveragePrecision",
    "OpenSetClassifier",
    "OpenSetSplit",
    "ProbabilisticClassifier",
    "Ranking",
    "RankingPipeline",
    "SelfTrainingClassifier",
    "ThresholdRule",
    "TransductiveClassifier",
    "XGBoostClassifier",
    "compare",
    "evaluate",
    "identify",
    "read_answers",
    "write_answers",
    "write_details",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'fieldguide' has no attribute '{name}'")
    return getattr(import_module(f"fieldguide.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]

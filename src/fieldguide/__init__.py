"""A few labelled pictures a class go in; for every other picture its likeliest classes come out, or none of these.

>>> import fieldguide
>>> result = fieldguide.identify("gallery/", "queries/")  # doctest: +SKIP
>>> for name, labels in result:  # doctest: +SKIP
...     print(name, labels)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from fieldguide.core.left_as_found import left_as_found

if TYPE_CHECKING:
    from fieldguide.core.errors import FieldguideError
    from fieldguide.discovery import DiscoveryClusterer
    from fieldguide.embedding import EmbeddingTable
    from fieldguide.embedding.embedder import Embedder
    from fieldguide.evaluation import Evaluation, MeanAveragePrecision, OpenSetSplit, evaluate
    from fieldguide.images.preprocessing import Preprocessing
    from fieldguide.pipelines.compare import compare
    from fieldguide.pipelines.identify import identify
    from fieldguide.pipelines.report import write_report
    from fieldguide.pipelines.train import train
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
    from fieldguide.records import ImageTable, read_gallery, read_queries
    from fieldguide.records.answers import Format, read_answers
    from fieldguide.records.columns import PictureColumns
    from fieldguide.report.answers import write_answers
    from fieldguide.report.details import write_details
    from fieldguide.report.result import IdentificationResult

_WHERE = {  # each is loaded when it is first used: `fieldguide --help` loads none
    "CosineClassifier": "recognition",
    "DBSCANRule": "recognition",
    "DiscoveryClusterer": "discovery",
    "EVoCRule": "recognition",
    "Embedder": "embedding.embedder",
    "EmbeddingTable": "embedding",
    "Evaluation": "evaluation",
    "FieldguideError": "core.errors",
    "Format": "records.answers",
    "HDBSCANRule": "recognition",
    "IdentificationResult": "report.result",
    "ImageTable": "records",
    "InductiveClassifier": "recognition",
    "MeanAveragePrecision": "evaluation",
    "OpenSetClassifier": "recognition",
    "OpenSetSplit": "evaluation",
    "PictureColumns": "records.columns",
    "Preprocessing": "images.preprocessing",
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
    "read_gallery": "records",
    "read_queries": "records",
    "train": "pipelines.train",
    "write_answers": "report.answers",
    "write_details": "report.details",
    "write_report": "pipelines.report",
}
__all__ = [
    "CosineClassifier",
    "DBSCANRule",
    "DiscoveryClusterer",
    "EVoCRule",
    "Embedder",
    "EmbeddingTable",
    "Evaluation",
    "FieldguideError",
    "Format",
    "HDBSCANRule",
    "IdentificationResult",
    "ImageTable",
    "InductiveClassifier",
    "MeanAveragePrecision",
    "OpenSetClassifier",
    "OpenSetSplit",
    "PictureColumns",
    "Preprocessing",
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
    "read_gallery",
    "read_queries",
    "train",
    "write_answers",
    "write_details",
    "write_report",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module 'fieldguide' has no attribute '{name}'")
    with left_as_found():
        return getattr(import_module(f"fieldguide.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_WHERE]

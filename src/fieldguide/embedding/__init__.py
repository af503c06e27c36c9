"""From pictures to embeddings: decoding, preprocessing, backbones and the engines that run them."""

from fieldguide.embedding.backbones import Backbone, backbone_names, load_backbone
from fieldguide.embedding.engines import ENGINES, start_engine
from fieldguide.embedding.pipeline import Embeddings, embed
from fieldguide.embedding.store import Store, open_store

__all__ = [
    "ENGINES",
    "Backbone",
    "Embeddings",
    "Store",
    "backbone_names",
    "embed",
    "load_backbone",
    "open_store",
    "start_engine",
]

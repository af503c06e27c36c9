"""From pictures to embeddings: decoding, preprocessing, backbones and the engines that run them."""

from fieldguide.embedding.backbones import Backbone, backbone_names, load_backbone
from fieldguide.embedding.engines import ENGINES, Engine, start_engine
from fieldguide.embedding.exchange import EmbeddedPictures, is_embeddings, made_by, read_embeddings, write_embeddings
from fieldguide.embedding.pipeline import Embeddings, embed
from fieldguide.embedding.store import Store, open_store

__all__ = [
    "ENGINES",
    "Backbone",
    "EmbeddedPictures",
    "Embeddings",
    "Engine",
    "Store",
    "backbone_names",
    "embed",
    "is_embeddings",
    "load_backbone",
    "made_by",
    "open_store",
    "read_embeddings",
    "start_engine",
    "write_embeddings",
]

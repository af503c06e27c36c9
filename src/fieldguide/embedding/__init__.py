"""From pictures to embeddings: the pipeline, the cache, and files that other programs read."""

from fieldguide.embedding.cache import Store, open_store
from fieldguide.embedding.exchange import is_embeddings
from fieldguide.embedding.pipeline import embed
from fieldguide.embedding.table import EmbeddingTable, Provenance

__all__ = [
    "EmbeddingTable",
    "Provenance",
    "Store",
    "embed",
    "is_embeddings",
    "open_store",
]

"""From pictures to embeddings: the pipeline, the cache, and files that other programs read."""

from fieldguide.embedding.cache import EmbeddingCache, open_cache
from fieldguide.embedding.exchange import is_embeddings
from fieldguide.embedding.pipeline import embed
from fieldguide.embedding.table import EmbeddingTable, Provenance

__all__ = [
    "EmbeddingCache",
    "EmbeddingTable",
    "Provenance",
    "embed",
    "is_embeddings",
    "open_cache",
]

"""From pictures to embeddings: the pipeline, the cache, and files that other programs read."""

from fieldguide.embedding.cache import Store, open_store
from fieldguide.embedding.exchange import (
    EmbeddedPictures,
    is_embeddings,
    made_by,
    read_embeddings,
    write_embeddings,
)
from fieldguide.embedding.pipeline import Embeddings, embed

__all__ = [
    "EmbeddedPictures",
    "Embeddings",
    "Store",
    "embed",
    "is_embeddings",
    "made_by",
    "open_store",
    "read_embeddings",
    "write_embeddings",
]

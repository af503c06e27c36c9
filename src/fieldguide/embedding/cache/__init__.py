"""The cache of embeddings of earlier runs, so that no picture is embedded twice."""

from fieldguide.embedding.cache.embeddings import (
    EmbeddingCache,
    FileSignature,
    embeddings_folder,
    open_cache,
    open_cache_of,
    sign_file,
    sign_in_memory,
    sign_region,
    unchanged,
)

__all__ = [
    "EmbeddingCache",
    "FileSignature",
    "embeddings_folder",
    "open_cache",
    "open_cache_of",
    "sign_file",
    "sign_in_memory",
    "sign_region",
    "unchanged",
]

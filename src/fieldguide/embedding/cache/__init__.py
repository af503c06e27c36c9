"""What earlier runs embedded, kept in the cache folder, so that no picture is embedded twice."""

from fieldguide.embedding.cache.embeddings import (
    Sighting,
    Store,
    embeddings_folder,
    open_store,
    sight,
    sight_in_memory,
    unchanged,
)

__all__ = ["Sighting", "Store", "embeddings_folder", "open_store", "sight", "sight_in_memory", "unchanged"]

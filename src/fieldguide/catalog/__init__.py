"""Which pictures there are, with their labels. Opens no picture."""

from fieldguide.catalog.catalog import Catalog
from fieldguide.catalog.read import read_gallery, read_queries

__all__ = ["Catalog", "read_gallery", "read_queries"]

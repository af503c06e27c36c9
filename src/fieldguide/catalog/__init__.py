"""Which pictures there are, with their labels. Opens no picture."""

from fieldguide.catalog.catalog import Catalog
from fieldguide.catalog.read import check_gallery, read_gallery, read_queries

__all__ = ["Catalog", "check_gallery", "read_gallery", "read_queries"]

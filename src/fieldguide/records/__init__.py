"""Which pictures there are, with their labels. Opens no picture."""

from fieldguide.records.image_table import Catalog
from fieldguide.records.read import (
    read_both,
    read_gallery,
    read_labelled,
    read_queries,
    refuse_repeats,
    without_distractors,
)

__all__ = [
    "Catalog",
    "read_both",
    "read_gallery",
    "read_labelled",
    "read_queries",
    "refuse_repeats",
    "without_distractors",
]

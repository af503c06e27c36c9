"""Which pictures there are, with their labels. Opens no picture."""

from fieldguide.records.image_table import ImageTable
from fieldguide.records.read import (
    read_both,
    read_gallery,
    read_labelled,
    read_queries,
    refuse_repeats,
    without_distractors,
)

__all__ = [
    "ImageTable",
    "read_both",
    "read_gallery",
    "read_labelled",
    "read_queries",
    "refuse_repeats",
    "without_distractors",
]

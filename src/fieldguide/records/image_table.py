"""The list of pictures that everything else starts from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class ImageTable:
    """Pictures in the order the user gave them.

    Attributes
    ----------
    images : the name of each picture as the user wrote it; answers use these names
    paths : where each picture lies
    labels : the class of each picture, always a string; None for queries
    distractors : of a gallery, the pictures that are labelled as of none of its classes; None if there are none
    passed_over : files beside the pictures that may be pictures and cannot be read by their name, with the reason
    """

    images: Sequence[str]
    paths: Sequence[Path]
    labels: Sequence[str] | None = None
    distractors: "ImageTable | None" = None
    passed_over: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def shots(self) -> Counter[str]:
        """How many pictures each class has; empty for queries."""
        return Counter(self.labels or ())

    def take(self, rows: Sequence[int]) -> "ImageTable":
        """The catalog of these rows alone, in this order; without distractors and what was passed over."""
        labels = self.labels
        return ImageTable(
            [self.images[row] for row in rows],
            [self.paths[row] for row in rows],
            None if labels is None else [labels[row] for row in rows],
        )

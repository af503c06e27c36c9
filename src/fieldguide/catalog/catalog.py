"""The list of pictures that everything else starts from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Catalog:
    """Pictures in the order the user gave them.

    Attributes
    ----------
    images : the name of each picture as the user wrote it; answers use these names
    paths : where each picture lies
    labels : the class of each picture, always a string; None for queries
    """

    images: Sequence[str]
    paths: Sequence[Path]
    labels: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def shots(self) -> Counter[str]:
        """How many pictures each class has; empty for queries."""
        return Counter(self.labels or ())

    def take(self, rows: Sequence[int]) -> "Catalog":
        """The catalog of these rows alone, in this order."""
        labels = self.labels
        return Catalog(
            [self.images[row] for row in rows],
            [self.paths[row] for row in rows],
            None if labels is None else [labels[row] for row in rows],
        )

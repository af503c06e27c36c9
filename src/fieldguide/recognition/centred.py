"""Gallery and queries as one matrix about its centre, whose rows are mapped only when they are asked for.

A mapped copy of all embeddings would take as much memory as they do themselves.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fieldguide.arrays import Floats, Ints
from fieldguide.recognition.space import PowerCentring


@dataclass(frozen=True)
class CentredRows:
    """Rows of the gallery, then of the queries, in an order of choice; indexed like a matrix.

    Attributes
    ----------
    gallery, queries : (n_pictures, dim), (n_queries, dim) float32 embeddings as they came
    centring : fitted on both
    order : (n,) which of them, gallery first, these rows are
    """

    gallery: Floats
    queries: Floats
    centring: PowerCentring
    order: Ints

    @classmethod
    def about_their_centre(cls, gallery: Floats, queries: Floats) -> Self:
        """Find the centre of both."""
        centring = PowerCentring().partial_fit(gallery).partial_fit(queries)
        return cls(gallery, queries, centring, np.arange(len(gallery) + len(queries)))

    def __len__(self) -> int:
        return len(self.order)

    def of(self, rows: Ints) -> "CentredRows":
        """Give some of the rows, or all in another order, without mapping them yet."""
        return type(self)(self.gallery, self.queries, self.centring, self.order[rows])

    def __getitem__(self, rows: slice | Ints) -> Floats:
        """Map some rows, to unit length."""
        order = self.order[rows]
        is_query = order >= len(self.gallery)
        raw = np.empty((len(order), self.gallery.shape[1]), np.float32)
        raw[~is_query] = self.gallery[order[~is_query]]
        raw[is_query] = self.queries[order[is_query] - len(self.gallery)]
        return self.centring.transform(raw)

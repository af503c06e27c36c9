"""Gallery and queries as one matrix about its centre, whose rows are mapped only when they are needed.

A mapped copy of all embeddings would take as much memory as they do themselves. Where they have more numbers than there
are rows, or very many, their coordinates in the span of all take less, and are kept: see `span`.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from fieldguide.core.arrays import Floats, Ints
from fieldguide.recognition.neighbours import blocks
from fieldguide.recognition.power_centring import PowerCentring
from fieldguide.recognition.span import Span, is_wide


@dataclass(frozen=True)
class CentredRows:
    """Rows of the gallery, then of the queries, in an order of choice; indexed like a matrix.

    Attributes
    ----------
    gallery_embeddings, query_embeddings : (n_pictures, dim), (n_queries, dim) float32, as they came
    centring : fitted on both
    order : (n,) which of them, gallery first, these rows are
    narrow : (n_pictures + n_queries, n_directions) all rows, mapped, in their span; None where they are not wide
    """

    gallery_embeddings: Floats
    query_embeddings: Floats
    centring: PowerCentring
    order: Ints
    narrow: Floats | None = None

    @classmethod
    def about_their_centre(cls, gallery_embeddings: Floats, query_embeddings: Floats, seed: int = 0) -> Self:
        """Find the centre of both, and their span if they are wide; `seed` is of the latter."""
        centring = PowerCentring().partial_fit(gallery_embeddings).partial_fit(query_embeddings)
        n, dim = len(gallery_embeddings) + len(query_embeddings), gallery_embeddings.shape[1]
        pictures = cls(gallery_embeddings, query_embeddings, centring, np.arange(n))
        if not is_wide(n, dim):
            return pictures
        parts = list(blocks(n, dim))
        span = Span.of((pictures[part] for part in parts), n, seed)
        narrow = np.empty((n, span.basis.shape[1]), np.float32)
        for part in parts:
            narrow[part] = span.coordinates(pictures[part])
        return replace(pictures, narrow=narrow)

    def __len__(self) -> int:
        return len(self.order)

    @property
    def dim(self) -> int:
        """How many numbers an embedding has, however many are kept of it."""
        return int(self.gallery_embeddings.shape[1])

    def of(self, rows: Ints) -> "CentredRows":
        """Give some of the rows, or all in another order, without mapping them yet."""
        return replace(self, order=self.order[rows])

    def __getitem__(self, rows: slice | Ints) -> Floats:
        """Map some rows, to unit length."""
        order = self.order[rows]
        if self.narrow is not None:
            return self.narrow[order]
        is_query = order >= len(self.gallery_embeddings)
        raw = np.empty((len(order), self.gallery_embeddings.shape[1]), np.float32)
        raw[~is_query] = self.gallery_embeddings[order[~is_query]]
        raw[is_query] = self.query_embeddings[order[is_query] - len(self.gallery_embeddings)]
        return self.centring.map_rows(raw)

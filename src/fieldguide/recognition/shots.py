"""The gallery as recognizers keep it: unit rows, the shots of a class together."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import blocks, unit_rows


@dataclass(frozen=True)
class Shots:
    """Gallery embeddings sorted by class.

    Attributes
    ----------
    embeddings : (n_pictures, dim) float32 unit rows
    rows : (n_pictures,) where each of them stood in the gallery
    starts : (n_classes,) where in `embeddings` each class begins
    """

    embeddings: Floats
    rows: Ints
    starts: Ints

    @classmethod
    def of(cls, gallery: Anything, codes: Ints) -> Self:
        """Sort a gallery (n_pictures, dim) by the codes of its classes, 0 to n_classes - 1, none missing."""
        rows = np.argsort(codes, kind="stable")
        embeddings = np.empty(gallery.shape, np.float32)
        for part in blocks(*gallery.shape):
            embeddings[part] = unit_rows(gallery[rows[part]])
        return cls(embeddings, rows, np.searchsorted(codes[rows], np.arange(codes.max() + 1)))

    def nearest(self, queries: Floats, codes: Ints) -> tuple[Ints, Floats]:
        """Find for each query the most similar shot of each of some classes, the first of equals.

        Parameters
        ----------
        queries : (n, dim) unit rows
        codes : (n, k) classes

        Returns
        -------
        The shot's row in the gallery and its cosine similarity, each (n, k).
        """
        row = np.empty(codes.size, np.int64)
        similarity = np.empty(codes.size, np.float32)
        order = np.argsort(codes.ravel(), kind="stable")  # class by class: a query is copied once, not once a shot
        present, begins = np.unique(codes.ravel()[order], return_index=True)
        ends = np.append(self.starts, len(self.embeddings))
        for code, places_of_class in zip(present, np.split(order, begins[1:]), strict=True):
            of_class = slice(ends[code], ends[code + 1])
            for part in blocks(len(places_of_class), queries.shape[1] + of_class.stop - of_class.start):
                chosen = places_of_class[part]
                # einsum and not BLAS: a similarity does not depend on what else is in the block, nor do ties
                cosine = np.einsum("nd,sd->ns", queries[chosen // codes.shape[1]], self.embeddings[of_class])
                best = cosine.argmax(axis=1)
                row[chosen] = self.rows[of_class][best]
                similarity[chosen] = cosine[np.arange(len(best)), best]
        return row.reshape(codes.shape), similarity.reshape(codes.shape)

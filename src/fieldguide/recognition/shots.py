"""The gallery as recognizers keep it: unit rows, the shots of a class together."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from fieldguide.arrays import Anything, Floats, Ints
from fieldguide.recognition.neighbours import blocks, unit_rows


@dataclass(frozen=True)
class Shots:
    """Gallery embeddings sorted by class.

    Attributes
    ----------
    matrix : (n_pictures, dim) float32 unit rows
    rows : (n_pictures,) where each of them stood in the gallery
    starts : (n_classes,) where in `matrix` each class begins
    """

    matrix: Floats
    rows: Ints
    starts: Ints

    @classmethod
    def of(cls, gallery: Anything, codes: Ints) -> Self:
        """Sort a gallery (n_pictures, dim) by the codes of its classes, 0 to n_classes - 1, none missing."""
        rows = np.argsort(codes, kind="stable")
        return cls(unit_rows(gallery[rows]), rows, np.searchsorted(codes[rows], np.arange(codes.max() + 1)))

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
        size = np.diff(np.append(self.starts, len(self.matrix)))
        row = np.empty(codes.shape, np.int64)
        similarity = np.empty(codes.shape, np.float32)
        widest = int(size.max()) * codes.shape[1] * queries.shape[1]
        for part in blocks(len(queries), widest):
            count = size[codes[part]].ravel()
            first = np.cumsum(count) - count  # where each (query, class) begins in the flat arrays
            column = np.arange(count.sum()) + np.repeat(self.starts[codes[part]].ravel() - first, count)
            query = np.repeat(np.repeat(np.arange(part.start, part.stop), codes.shape[1]), count)
            cosine = np.einsum("nd,nd->n", queries[query], self.matrix[column])
            best = np.maximum.reduceat(cosine, first)
            at = np.where(cosine == np.repeat(best, count), column, len(self.matrix))
            row[part] = self.rows[np.minimum.reduceat(at, first)].reshape(-1, codes.shape[1])
            similarity[part] = best.reshape(-1, codes.shape[1])
        return row, similarity

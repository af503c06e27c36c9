"""Embeddings and the pictures they are of: the input of every step after embedding."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.core.arrays import Floats
from fieldguide.core.extras import require_pandas
from fieldguide.embedding.exchange import EmbeddingColumns, read_columns, write_columns
from fieldguide.records import ImageTable
from fieldguide.records.unreadable import UnreadablePicture, unreadable_in

if TYPE_CHECKING:
    import pandas as pd

UNNAMED = "backbone not named"


@dataclass(frozen=True)
class Provenance:
    """The backbone that made embeddings; without a name for those of another program.

    Attributes
    ----------
    backbone : its name
    fingerprint : of its weights and preprocessing
    file : where the embeddings were read from; empty for those made in this run
    """

    backbone: str = ""
    fingerprint: str = ""
    file: str = field(default="", compare=False)

    @classmethod
    def of(cls, backbone: Backbone) -> "Provenance":
        """Name a backbone as files of embeddings do."""
        return cls(backbone.name, fingerprint(backbone))

    @property
    def in_this_run(self) -> bool:
        """Whether the embeddings were made of pictures in this run."""
        return bool(self.backbone) and not self.file

    def __str__(self) -> str:
        return f"{self.backbone} ({self.fingerprint})" if self.fingerprint else "a backbone that they do not name"


@dataclass(frozen=True, eq=False, repr=False)
class EmbeddingTable:
    """The embeddings of n pictures, and which other pictures could not be read.

    Attributes
    ----------
    pictures : all the pictures that were to be embedded
    rows : (n,) which of them have an embedding, ascending
    matrix : (n, dim) float32, one row a picture, not normalised
    unreadable : the reason for each other row of `pictures`
    made_by : the backbone
    distractors : of a gallery, its labelled distractors; None if there are none, or they are of no use

    >>> from fieldguide import EmbeddingTable
    >>> EmbeddingTable.from_arrays([[0.0, 1.0], [1.0, 0.0]], names=["a.jpg", "b.jpg"], labels=["ape", "bee"])
    EmbeddingTable of 2 pictures, 2 numbers each, 2 classes, made by a backbone that they do not name
    """

    pictures: ImageTable
    rows: Sequence[int]
    matrix: Floats
    unreadable: Mapping[int, str] = field(default_factory=dict)
    made_by: Provenance = Provenance()
    distractors: "EmbeddingTable | None" = None

    @classmethod
    def from_arrays(
        cls, matrix: ArrayLike, names: Sequence[str] | None = None, labels: Sequence[str] | None = None
    ) -> "EmbeddingTable":
        """Make a table of embeddings that are there already.

        Parameters
        ----------
        matrix : (n, dim) numbers
        names : (n,) what the pictures are called, no two alike; their numbers unless given
        labels : (n,) the class of each, taken as text; None for queries

        Raises
        ------
        ValueError : the matrix is not two-dimensional or not finite, or the lengths differ, or a name stands twice.
        """
        rows = np.asarray(matrix, dtype=np.float32)
        if rows.ndim != 2:
            raise ValueError(f"embeddings are a matrix (n_pictures, dim), not an array of {rows.ndim} dimensions")
        if not np.isfinite(rows).all():
            raise ValueError(f"row {int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])} has a number that is none")
        named = [str(name) for name in names] if names is not None else [str(row) for row in range(len(rows))]
        texts = None if labels is None else [str(label) for label in labels]
        for what, some in (("names", named), ("labels", texts)):
            if some is not None and len(some) != len(rows):
                raise ValueError(f"{len(some)} {what} for {len(rows)} embeddings")
        if len(set(named)) != len(named):
            seen: set[str] = set()
            twice = next(name for name in named if name in seen or seen.add(name))  # type: ignore[func-returns-value]
            raise ValueError(f"the name {twice} stands twice")
        return cls(ImageTable(named, [Path(name) for name in named], texts), range(len(rows)), rows)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "EmbeddingTable":
        """Read a Parquet or .npz file of embeddings, this program's or another's with the same columns.

        Pictures are where their names say, relative to the file.

        Raises
        ------
        RecordsError : the file is not there or not what its name says, something is missing in it, or an embedding has
            a number that is none.
        """
        path = Path(path)
        found = read_columns(path)
        pictures = ImageTable(found.images, [path.parent / name for name in found.images], found.labels)
        made_by = Provenance(found.backbone, found.fingerprint, str(path))
        return cls(pictures, range(len(found.matrix)), found.matrix, made_by=made_by)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the pictures that have embeddings to a .parquet or a .npz: image, label if any, and embedding.

        Raises
        ------
        FieldguideError : the file cannot be written.
        """
        made_by = self.made_by
        columns = EmbeddingColumns(self.names, self.labels, self.matrix, made_by.backbone, made_by.fingerprint)
        write_columns(columns, Path(path))

    def __len__(self) -> int:
        return len(self.matrix)

    def __repr__(self) -> str:
        classes = "" if self.labels is None else f" {len(set(self.labels)):,} classes,"
        missing = f" {len(self.unreadable):,} more could not be read," if self.unreadable else ""
        n, dim = self.matrix.shape
        return f"EmbeddingTable of {n:,} pictures, {dim:,} numbers each,{classes}{missing} made by {self.made_by}"

    @property
    def readable(self) -> ImageTable:
        """The pictures that have embeddings, in the order of `matrix`."""
        if len(self.rows) == len(self.pictures):
            return self.pictures
        return self.pictures.take(self.rows)

    @property
    def names(self) -> Sequence[str]:
        """(n,) what the pictures that have embeddings are called."""
        return self.readable.images

    @property
    def labels(self) -> Sequence[str] | None:
        """(n,) their classes; None for queries."""
        return self.readable.labels

    def unreadable_pictures(self, part: str) -> list[UnreadablePicture]:
        """List the pictures without an embedding, and what was passed over by its name.

        Parameters
        ----------
        part : of what they are a part, gallery or queries
        """
        own = unreadable_in(self.pictures, self.unreadable, part)
        return own + (self.distractors.unreadable_pictures(part) if self.distractors else [])

    def with_matrix(self, matrix: Floats) -> "EmbeddingTable":
        """Give the same pictures with other embeddings, (n, any dim); without distractors, which keep their own."""
        return replace(self, matrix=matrix, distractors=None)

    def take(self, rows: Sequence[int]) -> "EmbeddingTable":
        """Give the table of some of the embeddings alone, in this order; a gallery's distractors stay with it."""
        index = np.asarray(rows, np.int64)
        return replace(
            self,
            pictures=self.readable.take(index.tolist()),
            rows=range(len(index)),
            matrix=self.matrix[index],
            unreadable={},
        )

    def joined(self, other: "EmbeddingTable") -> "EmbeddingTable":
        """Put another table's pictures after these; their labels are left out, as of queries."""
        first, second, n = self.pictures, other.pictures, len(self.pictures)
        return EmbeddingTable(
            ImageTable(
                [*first.images, *second.images],
                [*first.paths, *second.paths],
                in_memory={**first.in_memory, **{n + row: one for row, one in second.in_memory.items()}},
                regions={**first.regions, **{n + row: one for row, one in second.regions.items()}},
            ),
            [*self.rows, *(n + row for row in other.rows)],
            np.concatenate([self.matrix, other.matrix]),
            {**self.unreadable, **{n + row: why for row, why in other.unreadable.items()}},
            self.made_by,
        )

    def to_pandas(self) -> "pd.DataFrame":
        """Give a data frame: image, label if there are labels, and a column a number, e0, e1 and so on.

        Raises
        ------
        ImportError : pandas is not installed.
        """
        pd = require_pandas()
        texts = {"image": list(self.names)} | ({} if self.labels is None else {"label": list(self.labels)})
        numbers = pd.DataFrame(self.matrix, columns=[f"e{column}" for column in range(self.matrix.shape[1])])
        return pd.concat([pd.DataFrame(texts), numbers], axis=1)

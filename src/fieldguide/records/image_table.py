"""Which pictures there are, with their names, paths and labels: what every command starts from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from fieldguide.core.arrays import Bytes

if TYPE_CHECKING:
    from PIL import Image

InMemory: TypeAlias = "bytes | Image.Image | Bytes"  # a file's content, a picture of Pillow's, or its pixels
Source: TypeAlias = "Path | bytes | Image.Image | Bytes"  # what pixels come from

PICTURES = "paths, bytes, PIL images or uint8 arrays of shape (H, W) or (H, W, 3)"


@dataclass(frozen=True)
class ImageTable:
    """Pictures in the order the user gave them.

    Attributes
    ----------
    images : the name of each picture as the user wrote it; answers use these names
    paths : where each picture lies; of one in memory its name
    labels : the class of each picture, always a string; None for queries
    distractors : of a gallery, the pictures that are labelled as of none of its classes; None if there are none
    passed_over : files beside the pictures that may be pictures and cannot be read by their name, with the reason
    in_memory : by row, the pictures that are not in files
    """

    images: Sequence[str]
    paths: Sequence[Path]
    labels: Sequence[str] | None = None
    distractors: "ImageTable | None" = None
    passed_over: Mapping[str, str] = field(default_factory=dict)
    in_memory: Mapping[int, InMemory] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_images(
        cls, images: Sequence[Any], labels: Sequence[str] | None = None, names: Sequence[str] | None = None
    ) -> "ImageTable":
        """List pictures that are in memory, or in files, or some here and some there. None is opened or copied.

        Parameters
        ----------
        images : (n,) paths, contents of files as bytes, PIL images, or uint8 arrays of shape (H, W) or (H, W, 3)
        labels : (n,) the class of each; None for queries
        names : (n,) what the pictures are called, no two alike; unless given, their paths as text, or their numbers

        Raises
        ------
        TypeError : one is something else.
        ValueError : the lengths differ, or a name stands twice.

        >>> import numpy as np
        >>> from fieldguide import ImageTable
        >>> table = ImageTable.from_images([np.zeros((32, 32, 3), np.uint8), "ape.jpg"], labels=["bee", "ape"])
        >>> table.images
        ['0', 'ape.jpg']
        """
        sources = [_source(image, row) for row, image in enumerate(images)]
        if names is None:
            names = [str(one) if isinstance(one, Path) else str(row) for row, one in enumerate(sources)]
        for what, some in (("names", names), ("labels", labels)):
            if some is not None and len(some) != len(sources):
                raise ValueError(f"there are {len(some):,} {what} for {len(sources):,} pictures: each has one")
        called = [str(name) for name in names]
        if twice := [name for name, count in Counter(called).items() if count > 1]:
            raise ValueError(f"the name {twice[0]} stands twice")
        return cls(
            called,
            [one if isinstance(one, Path) else Path(name) for one, name in zip(sources, called, strict=True)],
            None if labels is None else [str(label) for label in labels],
            in_memory={row: one for row, one in enumerate(sources) if not isinstance(one, Path)},
        )

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sources(self) -> Sequence[Source]:
        """What the pixels of each picture come from: its path, or itself."""
        if not self.in_memory:
            return self.paths
        return [self.in_memory.get(row, path) for row, path in enumerate(self.paths)]

    def shots(self) -> Counter[str]:
        """How many pictures each class has; empty for queries."""
        return Counter(self.labels or ())

    def take(self, rows: Sequence[int]) -> "ImageTable":
        """The table of these rows alone, in this order; without distractors and what was passed over."""
        labels = self.labels
        return ImageTable(
            [self.images[row] for row in rows],
            [self.paths[row] for row in rows],
            None if labels is None else [labels[row] for row in rows],
            in_memory={place: self.in_memory[row] for place, row in enumerate(rows) if row in self.in_memory},
        )


def _source(image: object, row: int) -> Source:
    """Give what pixels can come from.

    Raises
    ------
    TypeError : it is something else.
    """
    from PIL import Image

    if isinstance(image, str | Path):
        return Path(image)
    if hasattr(image, "__fspath__"):
        return Path(cast("Any", image))
    if isinstance(image, bytearray | memoryview):
        return bytes(image)
    if isinstance(image, bytes | Image.Image):
        return image
    if not isinstance(image, np.ndarray):
        raise TypeError(f"picture {row} is a {type(image).__name__}: pictures are {PICTURES}")
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)):
        raise TypeError(f"picture {row} is an array of {image.dtype} of shape {image.shape}: pictures are {PICTURES}")
    return image

"""Which pictures there are, with their names, paths and labels: what every command starts from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from fieldguide.core.arrays import Bytes, Ints
from fieldguide.records.regions import MARGIN, Box, Region

if TYPE_CHECKING:
    from PIL import Image

InMemory: TypeAlias = "bytes | Image.Image | Bytes"  # a file's content, a picture of Pillow's, or its pixels
Whole: TypeAlias = "Path | bytes | Image.Image | Bytes"  # what the pixels of a whole picture come from
Source: TypeAlias = "Whole | Part"  # what pixels come from

PICTURES = "paths, bytes, PIL images or uint8 arrays of shape (H, W) or (H, W, 3)"


@dataclass(frozen=True)
class Part:
    """What the pixels of a part of a picture come from."""

    whole: Whole
    region: Region


def whole_and_region(source: Source) -> tuple[Whole, Region | None]:
    """Give the picture, and the region of it that is meant, if not all is."""
    return (source.whole, source.region) if isinstance(source, Part) else (source, None)


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
    regions : by row, the boxes and masks of pictures of which a part counts. A picture may be there with several, under
        several names
    encounters : the encounter of each picture, empty for one that is known of none; None if nothing is known of any
    """

    images: Sequence[str]
    paths: Sequence[Path]
    labels: Sequence[str] | None = None
    distractors: "ImageTable | None" = None
    passed_over: Mapping[str, str] = field(default_factory=dict)
    in_memory: Mapping[int, InMemory] = field(default_factory=dict, compare=False, repr=False)
    regions: Mapping[int, Region] = field(default_factory=dict)
    encounters: Sequence[str] | None = None

    @classmethod
    def from_images(
        cls,
        images: Sequence[Any],
        labels: Sequence[str] | None = None,
        names: Sequence[str] | None = None,
        boxes: Sequence[Sequence[float] | None] | None = None,
        margin: float = MARGIN,
    ) -> "ImageTable":
        """List pictures that are in memory, or in files, or some here and some there. None is opened or copied.

        Parameters
        ----------
        images : (n,) paths, contents of files as bytes, PIL images, or uint8 arrays of shape (H, W) or (H, W, 3)
        labels : (n,) the class of each; None for queries
        names : (n,) what the pictures are called, no two alike; unless given, their paths as text, or their numbers
        boxes : (n,) x, y, width and height of the part that counts, in pixels, or all as shares from 0 to 1; None for
            the whole picture. Where paths stand more than once, names are needed
        margin : by how much boxes are larger, as a share of their width and height, on each side

        Raises
        ------
        TypeError : one is something else.
        ValueError : the lengths differ, a name stands twice, or a box is none.

        >>> import numpy as np
        >>> from fieldguide import ImageTable
        >>> table = ImageTable.from_images([np.zeros((32, 32, 3), np.uint8), "ape.jpg"], labels=["bee", "ape"])
        >>> table.images
        ['0', 'ape.jpg']
        """
        sources = [_source(image, row) for row, image in enumerate(images)]
        if names is None:
            names = [str(one) if isinstance(one, Path) else str(row) for row, one in enumerate(sources)]
        for what, some in (("names", names), ("labels", labels), ("boxes", boxes)):
            if some is not None and len(some) != len(sources):
                raise ValueError(f"there are {len(some):,} {what} for {len(sources):,} pictures: each has one")
        numbers = {row: tuple(map(float, box)) for row, box in enumerate(boxes or ()) if box is not None}
        shares = all(-1 <= number <= 1 for box in numbers.values() for number in box)
        called = [str(name) for name in names]
        if twice := [name for name, count in Counter(called).items() if count > 1]:
            raise ValueError(f"the name {twice[0]} stands twice")
        return cls(
            called,
            [one if isinstance(one, Path) else Path(name) for one, name in zip(sources, called, strict=True)],
            None if labels is None else [str(label) for label in labels],
            in_memory={row: one for row, one in enumerate(sources) if not isinstance(one, Path)},
            regions={
                row: Region(_box(box, row, shares=shares), margin=margin, picture=called[row])
                for row, box in numbers.items()
            },
        )

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def sources(self) -> Sequence[Source]:
        """What the pixels of each picture come from: its path, or itself, or a part of it."""
        if not self.in_memory and not self.regions:
            return self.paths
        whole = [self.in_memory.get(row, path) for row, path in enumerate(self.paths)]
        return [Part(one, self.regions[row]) if row in self.regions else one for row, one in enumerate(whole)]

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
            regions={place: self.regions[row] for place, row in enumerate(rows) if row in self.regions},
            encounters=None if self.encounters is None else [self.encounters[row] for row in rows],
        )

    def encounter_numbers(self) -> Ints | None:
        """Number the encounters, (n,): a picture of no known encounter has one to itself. None if none is known."""
        if self.encounters is None:
            return None
        names = [(name, -1) if name else ("", row) for row, name in enumerate(self.encounters)]
        number = {name: place for place, name in enumerate(dict.fromkeys(names))}
        return np.array([number[name] for name in names], np.int64)

    def individual_numbers(self) -> Ints | None:
        """Number what is to have one answer, (n,): encounters, and pictures of those that are of several individuals.

        An encounter with several boxes in one picture is of several. None if no encounter is known.
        """
        numbers = self.encounter_numbers()
        if numbers is None:
            return None
        seen = Counter(zip(numbers.tolist(), self.paths, strict=True))
        several = [number for (number, path), times in seen.items() if times > 1]
        alone = np.flatnonzero(np.isin(numbers, several))
        numbers[alone] = numbers.max() + 1 + np.arange(len(alone))
        return np.unique(numbers, return_inverse=True)[1]


def _box(numbers: Sequence[float], row: int, *, shares: bool) -> Box:
    if len(numbers) != 4:
        raise ValueError(f"the box of picture {row} has {len(numbers)} numbers: x, y, width and height are four")
    try:
        return Box.of(numbers, shares=shares)
    except ValueError as error:
        raise ValueError(f"the box of picture {row} {error}") from None


def _source(image: object, row: int) -> Whole:
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

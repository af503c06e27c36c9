"""The local features of many pictures as a few arrays, for searches among all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from fieldguide.core.arrays import Anything, Bytes, Floats, Ints
from fieldguide.matching.local_features import LocalFeatures


@dataclass(frozen=True, eq=False)
class DescribedPictures:
    """Keypoints of n pictures, one picture's after the other's; 144 bytes each with SIFT.

    Attributes
    ----------
    descriptors : (n_keypoints, dim) uint8
    places : (n_keypoints, 4) float32: x, y, scale, angle, as in `LocalFeatures`
    first : (n + 1,) which keypoint is a picture's first; the last is how many there are
    """

    descriptors: Bytes
    places: Floats
    first: Ints

    @classmethod
    def of(cls, features: Sequence[LocalFeatures], dim: int) -> Self:
        """Put pictures' features together."""
        places = [np.column_stack([one.xy, one.scale, one.angle]) for one in features]
        return cls(
            np.concatenate([np.zeros((0, dim), np.uint8), *(one.descriptors for one in features)]),
            np.concatenate([np.zeros((0, 4), np.float32), *places]).astype(np.float32),
            np.concatenate([[0], np.cumsum([len(one) for one in features])]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.first) - 1

    def joined(self, others: Self) -> Self:
        """Give these pictures, then others."""
        return type(self)(
            np.concatenate([self.descriptors, others.descriptors]),
            np.concatenate([self.places, others.places]),
            np.concatenate([self.first, self.first[-1] + others.first[1:]]),
        )

    def pictures(self) -> Ints:
        """(n_keypoints,) the picture of each."""
        return np.repeat(np.arange(len(self)), np.diff(self.first))


@dataclass(frozen=True, eq=False)
class Matches:
    """Keypoints that correspond, sorted by the pair of pictures that they are in.

    Attributes
    ----------
    start, end : (n,) keypoints, of the first picture and of the second; first < second
    weight : (n,) float32, how much each says
    """

    start: Ints
    end: Ints
    weight: Floats

    def __len__(self) -> int:
        return len(self.start)

    def of(self, rows: Anything) -> "Matches":
        """Give some of them."""
        return Matches(self.start[rows], self.end[rows], self.weight[rows])

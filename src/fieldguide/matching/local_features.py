"""The local features of one picture, as arrays and as bytes of one length for the cache."""

from dataclasses import dataclass

import numpy as np

from fieldguide.core.arrays import Bytes, Floats

HEAD = 12  # bytes of a record before its keypoints: how many there are, and the picture's width and height
GEOMETRY = 4  # float32 a keypoint: x, y, scale, angle


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """Keypoints of a picture, strongest first.

    Attributes
    ----------
    xy : (n, 2) float32, pixels of a picture of `size`
    scale : (n,) float32, diameter of what is described, pixels
    angle : (n,) float32, direction, radians
    descriptors : (n, dim) uint8, compared by Euclidean distance
    size : width and height of the picture that they were found in, which may be smaller than its file's
    """

    xy: Floats
    scale: Floats
    angle: Floats
    descriptors: Bytes
    size: tuple[int, int]

    @classmethod
    def none(cls, dim: int, size: tuple[int, int] = (1, 1)) -> "LocalFeatures":
        """Give those of a picture on which nothing is found."""
        nothing = np.zeros(0, np.float32)
        return cls(np.zeros((0, 2), np.float32), nothing, nothing, np.zeros((0, dim), np.uint8), size)

    def __len__(self) -> int:
        return len(self.xy)

    def in_pixels_of(self, width: int, height: int) -> Floats:
        """Give `xy` in the pixels of the same picture at another size, (n, 2)."""
        return (self.xy * np.array([width / self.size[0], height / self.size[1]], np.float32)).astype(np.float32)

    def to_record(self, most: int) -> Bytes:
        """Give bytes of a length that depends on `most` keypoints alone, (record_width(most, dim),)."""
        n, dim = min(len(self), most), self.descriptors.shape[1]
        record = np.zeros(record_width(most, dim), np.uint8)
        record[:HEAD] = np.array([n, *self.size], np.int32).view(np.uint8)
        geometry = np.column_stack([self.xy, self.scale, self.angle])[:n].astype(np.float32)
        record[HEAD : HEAD + 4 * GEOMETRY * n] = np.ascontiguousarray(geometry).view(np.uint8).ravel()
        start = HEAD + 4 * GEOMETRY * most
        record[start : start + n * dim] = self.descriptors[:n].ravel()
        return record

    @classmethod
    def from_record(cls, record: Bytes, most: int, dim: int) -> "LocalFeatures":
        """Give back what `to_record` wrote."""
        n, width, height = (int(number) for number in record[:HEAD].view(np.int32))
        geometry = record[HEAD : HEAD + 4 * GEOMETRY * most].view(np.float32).reshape(most, GEOMETRY)[:n]
        start = HEAD + 4 * GEOMETRY * most
        descriptors = record[start : start + n * dim].reshape(n, dim)
        return cls(geometry[:, :2], geometry[:, 2], geometry[:, 3], descriptors, (width, height))


def record_width(most: int, dim: int) -> int:
    """How many bytes a record of at most `most` keypoints takes, a multiple of 4."""
    return -(-(HEAD + most * (4 * GEOMETRY + dim)) // 4) * 4

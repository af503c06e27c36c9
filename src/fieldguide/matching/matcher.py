"""What a matcher is: it finds points in a picture that can be found again in another, and describes each."""

from typing import Protocol

from fieldguide.core.arrays import Bytes
from fieldguide.matching.local_features import LocalFeatures


class Matcher(Protocol):
    """Finds and describes keypoints. Threads may share one.

    Attributes
    ----------
    name : by which it is chosen
    fingerprint : names all that decides its numbers; the key under which they are kept
    dim : numbers in a descriptor
    most : keypoints a picture, at most
    longest : pixels of the longer side of the picture that it is given, at most
    """

    name: str
    fingerprint: str
    dim: int
    most: int
    longest: int

    def describe(self, picture: Bytes) -> LocalFeatures:
        """Find and describe the keypoints of one picture, (height, width, 3) RGB; there may be none."""

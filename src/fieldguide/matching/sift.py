"""SIFT, its descriptors compared as RootSIFT: needs no weights, and finds print, stripes and spots again.

Sources: Lowe, Distinctive image features from scale-invariant keypoints, IJCV 2004; RootSIFT, Arandjelović & Zisserman,
Three things everyone should know to improve object retrieval, CVPR 2012.
"""

from typing import Any

import numpy as np

from fieldguide.core.arrays import Bytes
from fieldguide.core.extras import require
from fieldguide.matching.local_features import LocalFeatures

KEYPOINTS = 256
LONGEST = 320  # pixels, at which a picture takes some 25 ms of a core; finer detail is found again less often
ROOT_SCALE = 512.0  # RootSIFT's numbers are 0 to 1, hardly ever above a half


class Sift:
    """SIFT of OpenCV, the strongest keypoints of a picture.

    Raises
    ------
    FieldguideError : OpenCV is not installed.
    """

    name = "sift"
    dim = 128

    def __init__(self, most: int = KEYPOINTS, longest: int = LONGEST) -> None:
        cv2 = require("cv2", "matching by local features")
        self.most, self.longest = most, longest
        self.fingerprint = f"{most}-{longest}-opencv{cv2.__version__}"

    def describe(self, picture: Bytes) -> LocalFeatures:
        """Find and describe the keypoints of one picture, (height, width, 3) RGB."""
        cv2: Any = require("cv2", "matching by local features")
        height, width = picture.shape[:2]
        grey = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
        found, described = cv2.SIFT_create(nfeatures=self.most).detectAndCompute(grey, None)
        if described is None or not len(found):
            return LocalFeatures.none(self.dim, (width, height))
        # Some points come twice, with two directions, and points of one strength in an order of OpenCV's choosing
        rows = np.array([(*point.pt, point.size, np.deg2rad(point.angle), point.response) for point in found])
        order = np.lexsort((rows[:, 3], rows[:, 2], rows[:, 1], rows[:, 0], -rows[:, 4]))[: self.most]
        rows = rows[order].astype(np.float32)
        return LocalFeatures(rows[:, :2], rows[:, 2], rows[:, 3], _root(described[order]), (width, height))


def _root(described: Bytes) -> Bytes:
    """Give square roots of descriptors (n, 128) of sum 1, in 256 steps."""
    share = described / np.maximum(described.sum(axis=1, keepdims=True), 1e-9)
    root: Bytes = np.minimum(np.rint(ROOT_SCALE * np.sqrt(share)), 255).astype(np.uint8)
    return root

"""What a backbone is: a network that turns pictures into embeddings, and the facts by which its embeddings are kept."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fieldguide.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

FINGERPRINT = "_fingerprint"  # the attribute in which a backbone object keeps its own


class Backbone(Protocol):
    """A network that turns pictures into embeddings, not yet in memory: `network` builds it.

    Two backbones with one `fingerprint` give the same embeddings. Everything that changes the numbers is therefore in
    `preprocessing`, `pooling` or one of the files of `weights`.
    """

    @property
    def name(self) -> str:
        """What the user calls it: `--backbone` takes it."""

    @property
    def dim(self) -> int:
        """How many numbers are in an embedding."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes the network's input; its `size` is the side of the pictures, in pixels."""

    @property
    def pooling(self) -> str:
        """How the features of a picture's parts become one embedding, in words."""

    def weights(self) -> Sequence[Path]:
        """Give the files that decide its numbers, in a fixed order: weights, and the network's shape if in a file.

        Raises
        ------
        BackboneError : they are not here.
        """

    def network(self) -> "nn.Module":
        """Build the network, in float32 and evaluation mode.

        Its input is (n, 3, size, size) float32, normalised as `preprocessing` says; its output (n, dim) float32, the
        embeddings, not normalised.

        Raises
        ------
        BackboneError : the weights are damaged or do not fit.
        """


def fingerprint(backbone: Backbone) -> str:
    """Name what decides the numbers in an embedding: weights, preprocessing and pooling. 16 hex digits.

    The files are read once for a backbone object, however often its fingerprint is needed: they may be gigabytes.
    """
    attributes: dict[str, Any] = getattr(backbone, "__dict__", {})  # `dataclasses.replace` does not copy it
    if FINGERPRINT not in attributes:
        attributes[FINGERPRINT] = _digest(backbone)
    return str(attributes[FINGERPRINT])


def _digest(backbone: Backbone) -> str:
    digest = hashlib.sha256(f"{backbone.preprocessing} {backbone.pooling}".encode())
    for path in backbone.weights():
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]

"""Backbones by name. A new kind is one file beside this one and one line in `_KINDS`."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fieldguide.embedding import efficientnet_lite
from fieldguide.embedding.preprocessing import Preprocessing
from fieldguide.errors import BackboneError

if TYPE_CHECKING:
    from torch import nn


class Backbone(Protocol):
    """A network that turns pictures into embeddings."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def dim(self) -> int:
        """How many numbers are in an embedding."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How a picture becomes its input."""

    def weights(self) -> Path:
        """Where the weights lie."""

    def network(self) -> "nn.Module":
        """Build the network: normalised pictures (n, 3, size, size) float32 to embeddings (n, dim)."""


_KINDS: dict[str, Callable[[str], Backbone]] = {
    **dict.fromkeys(efficientnet_lite.SIZES, efficientnet_lite.EfficientNetLite),
}


def backbone_names() -> list[str]:
    """All that `load_backbone` knows."""
    return list(_KINDS)


def load_backbone(name: str) -> Backbone:
    """Give a backbone by its name.

    Raises
    ------
    BackboneError : the name is unknown, or its weights are not installed.
    """
    if name not in _KINDS:
        raise BackboneError(f"unknown backbone '{name}': choose one of {', '.join(_KINDS)}")
    backbone = _KINDS[name](name)
    backbone.weights()
    return backbone


def fingerprint(backbone: Backbone) -> str:
    """Name what decides the numbers in an embedding: the weights and the preprocessing. 16 hex digits."""
    digest = hashlib.sha256(f"{backbone.name} {backbone.preprocessing}".encode())
    with backbone.weights().open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()[:16]

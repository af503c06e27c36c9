"""Backbones by name. A new kind is one file beside this one and one line in `_KINDS`."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fieldguide.backbones import adapted, efficientnet_lite, huggingface, open_clip, timm
from fieldguide.core.errors import BackboneError
from fieldguide.images.preprocessing import Preprocessing

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

    @property
    def pooling(self) -> str:
        """How the features of a picture's parts become one embedding, in words."""

    def weights(self) -> Sequence[Path]:
        """Give the files that decide its numbers, in a fixed order: weights, and the network's shape if in a file."""

    def network(self) -> "nn.Module":
        """Build the network: normalised pictures (n, 3, size, size) float32 to embeddings (n, dim)."""


FINGERPRINT = "_fingerprint"  # where a backbone keeps its own

# Which names belong to a kind, and what makes the backbone; the first that takes a name has it
_KINDS: list[tuple[Callable[[str], bool], Callable[[str], Backbone]]] = [
    (adapted.takes, adapted.load),
    (efficientnet_lite.takes, efficientnet_lite.load),
    (open_clip.takes, open_clip.load),
    (timm.takes, timm.load),
    (huggingface.takes, huggingface.load),
]


def backbone_names() -> list[str]:
    """Give the names that need no folder, network or further package than those of `pip install fieldguide[...]`."""
    return list(efficientnet_lite.SIZES)


def load_backbone(name: str) -> Backbone:
    """Give a backbone by its name, or by the folder it lies in.

    Raises
    ------
    BackboneError : there is none of that name, or its weights are not here and cannot be had.
    """
    for takes, load in _KINDS:
        if takes(name):
            return load(name)
    raise BackboneError(
        f"unknown backbone '{name}': choose one of {', '.join(backbone_names())}, a checkpoint of the Hugging Face hub "
        "such as openai/clip-vit-base-patch32, or a folder with one; `fieldguide backbones` lists them"
    )


def fingerprint(backbone: Backbone) -> str:
    """Name what decides the numbers in an embedding: weights, preprocessing and pooling. 16 hex digits.

    The files are read once for a backbone, however often it is asked: they may be gigabytes.
    """
    known: dict[str, Any] = getattr(backbone, "__dict__", {})  # a copy with another preprocessing does not have it
    if FINGERPRINT not in known:
        known[FINGERPRINT] = _fingerprint(backbone)
    return str(known[FINGERPRINT])


def _fingerprint(backbone: Backbone) -> str:
    digest = hashlib.sha256(f"{backbone.preprocessing} {backbone.pooling}".encode())
    for path in backbone.weights():
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]

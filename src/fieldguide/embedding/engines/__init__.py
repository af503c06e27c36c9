"""What runs a backbone. A new engine is one file beside this one and one line in `ENGINES`."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Protocol

from fieldguide.arrays import Bytes, Floats
from fieldguide.embedding.backbones import Backbone
from fieldguide.errors import BackboneError


class Engine(Protocol):
    """A backbone ready to run. Many threads may call it at once.

    Attributes
    ----------
    key : names what of the engine decides the numbers; embeddings are kept under it
    batch : how many pictures a call
    """

    key: str
    batch: int

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels, n = `batch`, to (n, dim)."""


def _openvino(backbone: Backbone) -> Engine:
    from fieldguide.embedding.engines.openvino import OpenVinoEngine

    return OpenVinoEngine(backbone)


def _torch(backbone: Backbone) -> Engine:
    from fieldguide.embedding.engines.pytorch import TorchEngine

    return TorchEngine(backbone)


# Fastest first; the key is also the name of the package it needs
ENGINES: dict[str, Callable[[Backbone], Engine]] = {"openvino": _openvino, "torch": _torch}


def start_engine(name: str, backbone: Backbone) -> Engine:
    """Make an engine by name; `auto` takes the fastest that is installed.

    Raises
    ------
    BackboneError : the name is unknown, or its package is not installed.
    """
    if name == "auto":
        name = next(engine for engine in ENGINES if find_spec(engine))
    if name not in ENGINES:
        raise BackboneError(f"unknown engine '{name}': choose auto or one of {', '.join(ENGINES)}")
    if not find_spec(name):
        raise BackboneError(f"the engine {name} is not installed: pip install {name}, or take --engine auto")
    return ENGINES[name](backbone)

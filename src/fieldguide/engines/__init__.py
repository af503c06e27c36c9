"""Engines, which run a backbone. A new engine is one file beside this one and one line in `ENGINES`."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from fieldguide.backbones import Backbone
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.left_as_found import left_as_found
from fieldguide.records.image_table import Source


class Engine(Protocol):
    """A backbone ready to run. Many threads may call it at once.

    Attributes
    ----------
    cache_key : names the engine, its precision and whatever else of it decides the numbers; a part of the name of the
        folder in which embeddings are cached
    batch : how many pictures a call takes, no more and no fewer
    """

    cache_key: str
    batch: int

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels, n = `batch`, to (n, dim)."""


def _openvino(backbone: Backbone, precision: str, sample: Sequence[Source]) -> Engine:
    from fieldguide.engines.openvino import OpenVinoEngine
    from fieldguide.engines.openvino_int8 import quantised

    return quantised(backbone, sample) if precision == "int8" else OpenVinoEngine(backbone, precision)


def _onnxruntime(backbone: Backbone, precision: str, sample: Sequence[Source]) -> Engine:
    from fieldguide.engines.onnx import OnnxEngine

    return OnnxEngine(backbone)


def _torch(backbone: Backbone, precision: str, sample: Sequence[Source]) -> Engine:
    from fieldguide.engines.pytorch import TorchEngine

    return TorchEngine(backbone, precision)


@dataclass(frozen=True)
class EngineInfo:
    """How an engine is started and installed.

    Attributes
    ----------
    start : makes it ready for a backbone, in a precision, with paths of the user's pictures to calibrate by
    packages : the modules it imports
    install : the argument of `pip install` that brings them
    precisions : of arithmetic that it has, the usual one first
    """

    start: Callable[[Backbone, str, Sequence[Source]], Engine]
    packages: Sequence[str]
    install: str
    precisions: Sequence[str]


# Fastest first, on a CPU
ENGINES: dict[str, EngineInfo] = {
    "openvino": EngineInfo(_openvino, ["openvino"], "openvino", ["float32", "int8", "bfloat16"]),
    "onnxruntime": EngineInfo(_onnxruntime, ["onnxruntime", "onnxscript"], "'fieldguide[onnx]'", ["float32"]),
    "torch": EngineInfo(_torch, ["torch"], "torch", ["float32", "bfloat16", "float16"]),
}
PRECISIONS = list(dict.fromkeys(precision for engine in ENGINES.values() for precision in engine.precisions))


def start_engine(name: str, backbone: Backbone, precision: str = "float32", sample: Sequence[Source] = ()) -> Engine:
    """Make an engine by name; `auto` takes the fastest that is installed.

    Parameters
    ----------
    precision : of the network's arithmetic, one of `PRECISIONS`
    sample : pictures of the user's, by which int8 is calibrated and checked

    Raises
    ------
    BackboneError : the name is unknown, its package is not installed, it has no such precision, or the embeddings would
        not be good enough in it.
    """
    if precision not in PRECISIONS:
        raise BackboneError(f"unknown precision '{precision}': choose one of {', '.join(PRECISIONS)}")
    name = engine_named(name, precision)
    if name not in ENGINES:
        raise BackboneError(f"unknown engine '{name}': choose auto or one of {', '.join(ENGINES)}")
    engine = ENGINES[name]
    if not _installed(name):
        raise BackboneError(f"the engine {name} is not installed: pip install {engine.install}, or take --engine auto")
    if precision not in engine.precisions:
        capable = next(other for other, one in ENGINES.items() if precision in one.precisions)
        raise BackboneError(f"the engine {name} has no {precision}: take --engine {capable}")
    with left_as_found():
        return engine.start(backbone, precision, sample)


def engine_named(name: str, precision: str) -> str:
    """Give the engine that a name stands for: `auto` for the fastest that is installed and has that precision."""
    return _fastest(precision) if name == "auto" else name


def installed(name: str) -> bool:
    """Whether the packages of an engine are there; False for an unknown one."""
    return name in ENGINES and _installed(name)


def _installed(name: str) -> bool:
    return all(find_spec(package) for package in ENGINES[name].packages)


def _fastest(precision: str) -> str:
    """Give the first engine that is installed and has a precision; with a GPU of NVIDIA's, PyTorch."""
    capable = [name for name, engine in ENGINES.items() if precision in engine.precisions]
    if "torch" in capable and shutil.which("nvidia-smi"):
        import torch

        if torch.cuda.is_available():
            return "torch"
    return next((name for name in capable if _installed(name)), capable[0])

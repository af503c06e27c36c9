"""A network that the caller has built, `torch.nn.Module`, as a backbone."""

import copy
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from fieldguide.core.errors import BackboneError
from fieldguide.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn


class ModuleBackbone:
    """A module that gives embeddings (n, dim) for normalised pictures (n, 3, size, size) float32.

    The module is copied: what is done to it later, or by running it here, does not change the other.

    Parameters
    ----------
    module : the network; it is run in evaluation mode
    preprocessing : how a picture becomes its input

    Attributes
    ----------
    name : the module's class
    dim : how many numbers are in an embedding, found by running it on a picture of zeros
    pooling : as the module does it

    Raises
    ------
    BackboneError : the module does not take such pictures, or gives something else for them.
    """

    pooling = "the module's own"

    def __init__(self, module: "nn.Module", preprocessing: Preprocessing) -> None:
        self.name = type(module).__name__
        self.preprocessing = preprocessing
        self.module = copy.deepcopy(module).cpu().eval()
        self.dim = _dim(self.module, self.name, preprocessing.size)
        self._fingerprint = _fingerprint(self.module, self.name, preprocessing)  # where `fingerprint` looks for it

    def weights(self) -> Sequence[Path]:
        """Give the files that the weights are in: none."""
        return ()

    def network(self) -> "nn.Module":
        """Give a copy of the module, in evaluation mode."""
        return copy.deepcopy(self.module)


def _dim(module: "nn.Module", name: str, size: int) -> int:
    import torch

    try:
        with torch.inference_mode():
            made = module(torch.zeros(1, 3, size, size))
    except Exception as error:  # a module's code raises anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BackboneError(f"{name} cannot be run on pictures of shape (1, 3, {size}, {size}): {reason}") from error
    if not isinstance(made, torch.Tensor):
        raise BackboneError(f"{name} gives a {type(made).__name__} for pictures, not a tensor of shape (n, dim)")
    if made.ndim != 2 or len(made) != 1 or not made.shape[1]:
        raise BackboneError(f"{name} gives shape {tuple(made.shape)} for one picture, where (1, dim) was expected")
    return int(made.shape[1])


def _fingerprint(module: "nn.Module", name: str, preprocessing: Preprocessing) -> str:
    """Name all that decides the numbers: weights, layers, the code that joins them, preprocessing. 16 hex digits."""
    import torch

    digest = hashlib.sha256(f"{name} {preprocessing} {module!r}".encode())
    for key, value in module.state_dict().items():
        digest.update(f"{key} ".encode())
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous()
            digest.update(f"{flat.dtype} {tuple(flat.shape)}".encode())
            digest.update(flat.reshape(-1).view(torch.uint8).numpy().tobytes() if flat.numel() else b"")
    for kind in dict.fromkeys(type(part) for part in module.modules()):
        if not kind.__module__.startswith("torch."):  # of PyTorch's own the names and settings say it
            for part in _instructions(getattr(kind.forward, "__code__", None)):
                digest.update(part)
    return digest.hexdigest()[:16]


def _instructions(code: CodeType | None) -> Iterator[bytes]:
    """Give what a function does, without where it stands: the same in another cell of a notebook."""
    if code is None:
        return
    yield code.co_code
    yield " ".join((*code.co_names, *code.co_varnames)).encode()
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _instructions(constant)
        elif isinstance(constant, frozenset):  # in no fixed order
            yield repr(sorted(map(repr, constant))).encode()
        else:
            yield repr(constant).encode()

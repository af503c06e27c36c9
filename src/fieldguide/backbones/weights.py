"""The one door through which weights come from disk: tensors are read, and nothing that a file holds is run.

Source of the risk: the pickle module's documentation, "Warning: The pickle module is not secure". PyTorch's
`weights_only` builds tensors and plain containers alone; it could be got round before PyTorch 2.10 (CVE-2025-32434,
CVE-2026-24747), which is why `pyproject.toml` asks for that.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require

if TYPE_CHECKING:
    from torch import Tensor

# Where checkpoints of a training keep the weights among other things, best first; as timm reads them
WITHIN = "state_dict_ema", "model_ema", "state_dict", "model"
WRAPPERS = "module.", "_orig_mod."  # what training on several GPUs, and `torch.compile`, put before each name


def load_weights(path: Path) -> "dict[str, Tensor]":
    """Read the weights in a file: safetensors by that ending, PyTorch's own format by any other.

    Raises
    ------
    BackboneError : the file cannot be read, is damaged, or holds anything but weights, such as code.
    """
    if path.suffix == ".safetensors":
        return dict(_safetensors(path))
    found = _pytorch(path)
    for key in WITHIN:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
            break
    return _tensors(path, found)


def _safetensors(path: Path) -> "Mapping[str, Tensor]":
    reader = require("safetensors", f"reading {path.name}", error=BackboneError)
    from safetensors.torch import load_file

    try:
        tensors: Mapping[str, Tensor] = load_file(path)
    except OSError as error:
        raise BackboneError(f"{path} cannot be read ({error.strerror or error})") from error
    except (reader.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise BackboneError(f"{path} cannot be opened ({line_of(error)}): it is damaged or no safetensors") from error
    return tensors


def _pytorch(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise BackboneError(f"{path} cannot be read ({error.strerror or error})") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise BackboneError(
            f"{path} is not opened: it is damaged, or a pickle that holds more than weights, which could run any code; "
            "save its weights as safetensors where you trust it"
        ) from error


def _tensors(path: Path, found: Any) -> "dict[str, Tensor]":
    import torch

    if not isinstance(found, Mapping) or not found:
        raise BackboneError(f"{path} holds no weights by name, but {type(found).__name__}")
    tensors = {}
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise BackboneError(f"{path} holds more than weights: '{name}' is {type(value).__name__}")
        for wrapper in WRAPPERS:
            name = name.removeprefix(wrapper)  # noqa: PLW2901
        tensors[name] = value
    return tensors


@contextmanager
def building(name: str) -> Iterator[None]:
    """Within the block, make any error one of the backbone: libraries raise nearly anything on weights that do not fit.

    Parameters
    ----------
    name : of the backbone whose network is built

    Raises
    ------
    BackboneError : anything went wrong.
    """
    try:
        yield
    except Exception as error:
        raise BackboneError(f"the checkpoint {name} cannot be opened ({line_of(error)})") from error


def line_of(error: Exception) -> str:
    """Give the first line of what an error says, its name if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]

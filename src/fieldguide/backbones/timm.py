"""Checkpoints of timm, thousands, MegaDescriptor among them.

Names: `timm:vit_small_patch14_dinov2.lvd142m`, `timm:hf-hub:BVRA/MegaDescriptor-L-384` or `timm:FOLDER`.

The embedding is what timm gives without a classifier: the features, pooled as the network's own head pools them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.backbones import hub
from fieldguide.backbones.processor import IMAGENET_MEAN, IMAGENET_STD
from fieldguide.backbones.weights import building, line_of, load_weights
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.images.preprocessing import FILTERS, Preprocessing

if TYPE_CHECKING:
    from torch import nn

PREFIX = "timm:"
FILES = "config.json", "model.safetensors"
OLD_FILES = "config.json", "pytorch_model.bin"  # what MegaDescriptor's repositories hold


@dataclass(frozen=True)
class TimmBackbone:
    """A checkpoint of timm that lies in a folder."""

    name: str
    folder: Path
    dim: int
    preprocessing: Preprocessing
    pooling: str = "the head's"

    def weights(self) -> Sequence[Path]:
        """Give the configuration, which names the architecture, and the weights."""
        return _files(self.folder)

    def network(self) -> "nn.Module":
        """Build the network without its classifier, in evaluation mode.

        timm renames and drops weights as the architecture wants it, but opens no file: its older versions, 1.0.16 for
        one, open a folder's pickle without `weights_only`.

        Raises
        ------
        BackboneError : the weights cannot be opened, or are not this architecture's.
        """
        import timm

        weights = load_weights(_files(self.folder)[1])
        ours = {"source": "", "custom_load": False, "state_dict": weights}
        with building(self.name):
            network: nn.Module = timm.create_model(
                f"local-dir:{self.folder}", pretrained=True, num_classes=0, pretrained_cfg_overlay=ours
            )
        pretrained_cfg: Any = network.pretrained_cfg
        pretrained_cfg.pop("state_dict", None)  # a second copy of all weights
        return network.eval()


def takes(name: str) -> bool:
    """Say whether a name is one of timm's."""
    return name.startswith(PREFIX)


def load(name: str) -> TimmBackbone:
    """Give the backbone of a checkpoint, downloading what is not here.

    Raises
    ------
    BackboneError : timm is not installed, the checkpoint cannot be had, or its pictures are prepared in a way that is
        not known.
    """
    timm = require("timm", f"the backbone {name}", error=BackboneError)
    place = name.removeprefix(PREFIX).removeprefix("hf-hub:")
    if not Path(place).is_dir() and "/" not in place:  # a name of timm's own, without or with a tag
        config = timm.get_pretrained_cfg(place)
        if config is None or not config.hf_hub_id:
            raise BackboneError(f"unknown backbone '{name}': `timm.list_pretrained()` in Python gives the names")
        place = config.hf_hub_id
    folder = hub.find(place, FILES, OLD_FILES, kind="timm")
    if not _files(folder):
        raise BackboneError(f"{folder} lacks {' or '.join(FILES)}: it is not a checkpoint of timm")
    return TimmBackbone(name, folder, _dim(name, folder), read_preprocessing(folder))


def _files(folder: Path) -> list[Path]:
    """Give the configuration and the weights; a pickle only if there is nothing else."""
    for choice in FILES, OLD_FILES:
        paths = [folder / name for name in choice]
        if all(path.is_file() for path in paths):
            return paths
    return []


def _dim(name: str, folder: Path) -> int:
    """Run the network on no data to see how many numbers come out; not all configurations say it.

    Raises
    ------
    BackboneError : timm knows no such architecture, or cannot build it as the configuration says.
    """
    try:
        return _width("meta", folder)
    except (RuntimeError, NotImplementedError):
        pass  # timm 1.0.16, and some networks, count with true numbers as they are built
    except Exception as error:
        raise _unknown(name, error) from error
    try:
        return _width("cpu", folder)
    except Exception as error:
        raise _unknown(name, error) from error


def _width(device: str, folder: Path) -> int:
    import timm
    import torch

    with torch.device(device), torch.inference_mode(), torch.random.fork_rng(devices=[]):
        network = timm.create_model(f"local-dir:{folder}", pretrained=False, num_classes=0).eval()
        return int(network(torch.zeros(1, *network.pretrained_cfg["input_size"])).shape[1])


def _unknown(name: str, error: Exception) -> BackboneError:
    return BackboneError(f"timm cannot build the network of {name} ({line_of(error)}): fetch it again, or update timm")


def read_preprocessing(folder: Path) -> Preprocessing:
    """Read how pictures are prepared from a checkpoint's `config.json`, filled in as timm's `resolve_data_config` does.

    Raises
    ------
    BackboneError : pictures are padded or not square.
    """
    path = folder / "config.json"
    configuration: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    steps: Mapping[str, Any] = configuration.get("pretrained_cfg", configuration)
    channels, height, width = steps.get("input_size") or (3, 224, 224)
    mode = steps.get("crop_mode") or "center"
    interpolation = steps.get("interpolation") or "bicubic"
    if channels != 3 or height != width or mode not in ("center", "squash") or interpolation not in FILTERS:
        raise BackboneError(
            f"{path}: pictures of {channels} × {height} × {width}, {mode}, {interpolation} are not known"
        )
    r, g, b = (255 * value for value in steps.get("mean") or IMAGENET_MEAN)
    rs, gs, bs = (255 * value for value in steps.get("std") or IMAGENET_STD)
    resized = int(height / (steps.get("crop_pct") or 0.875))
    return Preprocessing(height, resized, (r, g, b), (rs, gs, bs), interpolation, mode == "squash")

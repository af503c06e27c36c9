"""Checkpoints of open_clip.

Names: `open_clip:ViT-B-32/laion2b_s34b_b79k`, `open_clip:hf-hub:OWNER/NAME` or `open_clip:FOLDER`.

The embedding is the image tower's, in the space that pictures and texts share.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.backbones import hub
from fieldguide.backbones.processor import CLIP_MEAN, CLIP_STD
from fieldguide.backbones.weights import building, load_weights
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.images.preprocessing import FILTERS, Preprocessing

if TYPE_CHECKING:
    from torch import nn

PREFIX = "open_clip:"
TOWER = "visual."  # what stands before the names of the image tower's weights
FILES = "open_clip_config.json", "open_clip_model.safetensors"


@dataclass(frozen=True)
class OpenClipBackbone:
    """The image tower of a checkpoint of open_clip that lies in a folder."""

    name: str
    folder: Path
    dim: int
    preprocessing: Preprocessing
    pooling: str = "the image tower's"

    def weights(self) -> Sequence[Path]:
        """Give the configuration, which describes the architecture, and the weights."""
        return [self.folder / file for file in FILES]

    def network(self) -> "nn.Module":
        """Build the image tower, in float32 and evaluation mode.

        open_clip opens no file but the configuration: it would take any .bin or .pth of the folder for the weights.

        Raises
        ------
        BackboneError : the weights cannot be opened, or are not this architecture's.
        """
        import open_clip
        from open_clip.convert import convert_state_dict

        weights = load_weights(self.folder / FILES[1])
        with building(self.name), _without_warnings():
            whole = open_clip.create_model(
                f"local-dir:{self.folder}",
                precision="fp32",
                device="cpu",
                **dict.fromkeys(["load_weights", "pretrained_image", "pretrained_text"], False),
            )
            weights = convert_state_dict(whole, weights)  # MobileCLIP's names are others
            tower: nn.Module = whole.visual
            own = {name.removeprefix(TOWER): value for name, value in weights.items() if name.startswith(TOWER)}
            tower.load_state_dict(own)
        return tower.eval()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Within the block, log no warning: open_clip warns that a network is random which is not given its weights yet."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


def takes(name: str) -> bool:
    """Say whether a name is one of open_clip's."""
    return name.startswith(PREFIX)


def load(name: str) -> OpenClipBackbone:
    """Give the backbone of a checkpoint, downloading what is not here.

    Raises
    ------
    BackboneError : open_clip is not installed, the checkpoint cannot be had, or its pictures are prepared in a way that
        is not known.
    """
    open_clip = require("open_clip", f"the backbone {name}", error=BackboneError)
    place = name.removeprefix(PREFIX)
    if not Path(place).is_dir() and not place.startswith("hf-hub:"):
        architecture, _, tag = place.partition("/")
        place = (open_clip.get_pretrained_cfg(architecture, tag) or {}).get("hf_hub", "").rstrip("/")
        if not place:
            raise BackboneError(
                f"unknown backbone '{name}': `open_clip.list_pretrained()` in Python gives the names before and after /"
            )
    folder = hub.find(place.removeprefix("hf-hub:"), FILES, kind="open_clip")
    if absent := [file for file in FILES if not (folder / file).is_file()]:
        raise BackboneError(f"{folder} has no {absent[0]}: it is not a checkpoint of open_clip as safetensors")
    configuration = json.loads((folder / FILES[0]).read_text(encoding="utf-8"))
    return OpenClipBackbone(
        name, folder, configuration["model_cfg"]["embed_dim"], read_preprocessing(folder, configuration)
    )


def read_preprocessing(folder: Path, configuration: Mapping[str, Any]) -> Preprocessing:
    """Read how pictures are prepared from `open_clip_config.json`, filled in as open_clip's `PreprocessCfg` does.

    Raises
    ------
    BackboneError : pictures are padded or not square.
    """
    steps = {
        **{"mean": CLIP_MEAN, "std": CLIP_STD, "interpolation": "bicubic", "resize_mode": "shortest"},
        **configuration.get("preprocess_cfg", {}),
    }
    size, mode = configuration["model_cfg"]["vision_cfg"].get("image_size", 224), steps["resize_mode"]
    if not isinstance(size, int) or mode not in ("shortest", "squash") or steps["interpolation"] not in FILTERS:
        raise BackboneError(f"{folder / FILES[0]}: pictures of {size}, {mode}, {steps['interpolation']} are not known")
    (r, g, b), (rs, gs, bs) = ([255 * value for value in steps[key]] for key in ("mean", "std"))
    return Preprocessing(size, size, (r, g, b), (rs, gs, bs), steps["interpolation"], mode == "squash")

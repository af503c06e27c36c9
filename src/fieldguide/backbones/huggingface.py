"""Checkpoints of Hugging Face transformers: CLIP, SigLIP, SigLIP 2, DINOv2, DINOv3 and ViT, from the hub or a folder.

Each family's embedding is the one that its authors compare pictures by:

- CLIP (Radford et al., 2021): the class token, projected into the space that pictures and texts share.
- SigLIP (Zhai et al., 2023), SigLIP 2 (Tschannen et al., 2025): the attention-pooling head's output.
- DINOv2 (Oquab et al., 2023), DINOv3 (Siméoni et al., 2025): the class token after the last normalisation. Its loss
  compares whole pictures by it, and so do the papers' k-NN and instance retrieval; the mean of the patches serves
  dense tasks.
- ViT, DeiT (Dosovitskiy et al., 2021; Touvron et al., 2021): the class token, as their classifiers take it.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fieldguide.backbones import hub
from fieldguide.backbones.processor import read_preprocessing
from fieldguide.backbones.weights import line_of, load_weights
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Family:
    """How the checkpoints of one `model_type` are opened and read.

    Attributes
    ----------
    architecture : the class of transformers that is the image tower
    pooling : which of its outputs is the embedding
    processor : how its pictures are prepared if the checkpoint does not name a processor
    dim : the name of the configuration's entry that holds the embedding's size
    """

    architecture: str
    pooling: str
    processor: str
    dim: str = "hidden_size"


_CLIP = Family("CLIPVisionModelWithProjection", "projected class token", "CLIP", "projection_dim")
_SIGLIP = Family("SiglipVisionModel", "attention pooling", "Siglip")
FAMILIES = {
    "clip": _CLIP,
    "clip_vision_model": _CLIP,
    "siglip": _SIGLIP,  # and SigLIP 2 of a fixed picture size
    "siglip_vision_model": _SIGLIP,
    "dinov2": Family("Dinov2Model", "class token", "Bit"),
    "dinov2_with_registers": Family("Dinov2WithRegistersModel", "class token", "Bit"),
    "dinov3_vit": Family("DINOv3ViTModel", "class token", "DINOv3ViT"),
    "vit": Family("ViTModel", "class token", "ViT"),
    "deit": Family("DeiTModel", "class token", "DeiT"),
}
_READ: dict[str, Callable[[Any], Any]] = {
    "projected class token": lambda output: output.image_embeds,
    "attention pooling": lambda output: output.pooler_output,
    "class token": lambda output: output.last_hidden_state[:, 0],
}


@dataclass(frozen=True)
class HuggingFaceBackbone:
    """The image tower of a checkpoint that lies in a folder."""

    name: str
    folder: Path
    family: Family
    dim: int
    preprocessing: Preprocessing

    @property
    def pooling(self) -> str:
        """The family's."""
        return self.family.pooling

    def weights(self) -> Sequence[Path]:
        """Give the configuration, which says how many heads there are and the like, and the weights."""
        return [self.folder / "config.json", *hub.safetensors(self.folder, self.name)]

    def network(self) -> "nn.Module":
        """Build the image tower with its pooling, in float32 and evaluation mode.

        Raises
        ------
        BackboneError : the weights are damaged, or some of the image tower's are missing.
        """
        from torch import nn

        tower, read = self._tower(), _READ[self.family.pooling]

        class Pooled(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.body = tower

            def forward(self, pictures):  # type: ignore[no-untyped-def]
                return read(self.body(pixel_values=pictures))

        return Pooled().eval()

    def _tower(self) -> "nn.Module":
        import torch
        import transformers

        weights: dict[str, Any] = {}
        for path in hub.safetensors(self.folder, self.name):
            weights |= load_weights(path)
        options: dict[str, Any] = {"add_pooling_layer": False} if self.family.architecture in POOLED_AGAIN else {}
        try:
            with _quiet():
                # Not from the folder, where it would look for LoRA's weights and others that are not fingerprinted
                tower, loading_info = getattr(transformers, self.family.architecture).from_pretrained(
                    None,
                    config=_vision(self.folder),
                    state_dict=weights,
                    dtype=torch.float32,
                    output_loading_info=True,
                    **options,
                )
        except Exception as error:  # safetensors and transformers raise nearly anything on damaged files
            raise BackboneError(
                f"the checkpoint {self.name} cannot be opened ({line_of(error)}): fetch it again"
            ) from error
        if lacking := sorted(loading_info["missing_keys"]):  # transformers would draw them at random
            raise BackboneError(
                f"the checkpoint {self.name} lacks {len(lacking)} of its network's weights, {lacking[0]} for one"
            )
        network: nn.Module = tower
        return network


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers: it would list the text tower's weights, and its odd settings, which concern nobody here."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


POOLED_AGAIN = "ViTModel", "DeiTModel"  # with a layer that only pre-training on captions or the like used


def takes(name: str) -> bool:
    """Say whether a name is a folder with a checkpoint, or could be one on the hub."""
    return (Path(name) / "config.json").is_file() or (not Path(name).exists() and hub.NAME.fullmatch(name) is not None)


def load(name: str) -> HuggingFaceBackbone:
    """Give the backbone of a checkpoint, downloading what is not here.

    Raises
    ------
    BackboneError : it cannot be had, or is of a kind that is not known.
    """
    folder = hub.find(name)
    family = family_of(folder)
    hub.safetensors(folder, name)
    require("transformers", f"the backbone {name}", error=BackboneError)
    config = _vision(folder)
    if family is _SIGLIP and not config.vision_use_head:
        raise BackboneError(f"the checkpoint {name} has no pooling head, so there is no embedding of a whole picture")
    preprocessing = read_preprocessing(folder, family.processor)
    _check_size(name, family, config, preprocessing)
    return HuggingFaceBackbone(name, folder, family, getattr(config, family.dim), preprocessing)


def family_of(folder: Path) -> Family:
    """Give the family of the checkpoint in a folder.

    Raises
    ------
    BackboneError : it is of none.
    """
    path = folder / "config.json"
    try:
        configuration = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BackboneError(f"{path} cannot be read ({error}): fetch the checkpoint again") from error
    kind = str(configuration.get("model_type")) if isinstance(configuration, dict) else "no object"
    if kind == "siglip2":
        raise BackboneError(
            f"{path}: SigLIP 2 'naflex' takes pictures of every shape, which fit no batch: take one of a fixed size, "
            "such as google/siglip2-base-patch16-224"
        )
    if kind not in FAMILIES:
        raise BackboneError(f"{path}: a checkpoint of the kind {kind}: choose one of {', '.join(FAMILIES)}")
    return FAMILIES[kind]


def _vision(folder: Path) -> Any:
    """Give the configuration of the image tower, which is the whole one or a part of it.

    Raises
    ------
    BackboneError : transformers cannot make sense of it.
    """
    from transformers import AutoConfig

    try:
        with _quiet():
            whole = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:  # it raises nearly anything on values of a wrong type
        path = folder / "config.json"
        raise BackboneError(f"{path} cannot be used ({line_of(error)}): fetch the checkpoint again") from error
    vision = getattr(whole, "vision_config", whole)
    if vision is not whole and hasattr(whole, "projection_dim"):
        vision.projection_dim = whole.projection_dim  # the image tower's own entry may be left at its default
    return vision


def _check_size(name: str, family: Family, config: Any, preprocessing: Preprocessing) -> None:
    """Refuse pictures that a network with a table of positions cannot take; DINO's interpolates it."""
    sides = config.image_size if isinstance(config.image_size, list | tuple) else [config.image_size]
    if "DINO" not in family.architecture.upper() and set(sides) != {preprocessing.size}:
        raise BackboneError(
            f"the checkpoint {name} does not fit together: its processor makes pictures of {preprocessing.size} "
            f"pixels, its network takes {config.image_size}"
        )

"""Backbones by name. A new kind is one file beside this one and one line in `_KINDS`."""

from collections.abc import Callable
from functools import partial

from fieldguide.backbones import adapted, efficientnet_lite, huggingface, open_clip, timm
from fieldguide.backbones.backbone import Backbone
from fieldguide.core.errors import BackboneError


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


# Which names are of a kind, and what loads the backbone; the first kind that takes a name has it
_KINDS: list[tuple[Callable[[str], bool], Callable[[str], Backbone]]] = [
    (adapted.takes, partial(adapted.load, load_base=load_backbone)),
    (efficientnet_lite.takes, efficientnet_lite.load),
    (open_clip.takes, open_clip.load),
    (timm.takes, timm.load),
    (huggingface.takes, huggingface.load),
]

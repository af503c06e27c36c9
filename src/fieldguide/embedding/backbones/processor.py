"""A checkpoint's `preprocessor_config.json` as our `Preprocessing`, so that every engine can run it.

What the file leaves out is filled in as transformers does, by the kind of its image processor.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fieldguide.embedding.preprocessing import FILTERS, Preprocessing
from fieldguide.errors import BackboneError

HALF = (0.5, 0.5, 0.5)
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

_ALL = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
_CLIP = _ALL | {
    **{"size": {"shortest_edge": 224}, "crop_size": {"height": 224, "width": 224}, "do_center_crop": True},
    **{"resample": 3, "image_mean": CLIP_MEAN, "image_std": CLIP_STD},
}
_SQUARE = _ALL | {"size": {"height": 224, "width": 224}, "resample": 2, "image_mean": HALF, "image_std": HALF}
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "CLIP": _CLIP,
    "Bit": _CLIP,  # DINOv2's
    "Siglip": _SQUARE | {"resample": 3},
    "ViT": _SQUARE,
    "DeiT": _SQUARE
    | {
        **{"size": {"height": 256, "width": 256}, "crop_size": {"height": 224, "width": 224}},
        **{"do_center_crop": True, "resample": 3},
    },
    "DINOv3ViT": _SQUARE | {"image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD},
}


def read_preprocessing(folder: Path, kind: str) -> Preprocessing:
    """Read how the pictures of a checkpoint are preprocessed.

    Parameters
    ----------
    folder : of the checkpoint
    kind : a key of `DEFAULTS`, for old files that do not say what their image processor is

    Raises
    ------
    BackboneError : there is no such file, or a step in it that `Preprocessing` does not have.
    """
    path, given = _read(folder)
    said = given.get("image_processor_type", given.get("feature_extractor_type", kind))
    kind = said.removesuffix("Pil").removesuffix("Fast").removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if kind not in DEFAULTS:
        raise BackboneError(f"{path}: pictures of {said} are prepared in a way that fieldguide does not know")
    steps = {**DEFAULTS[kind], **{key: value for key, value in given.items() if value is not None}}
    if not steps["do_resize"] or steps.get("do_pad"):
        raise BackboneError(
            f"{path}: pictures that are {'padded' if steps['do_resize'] else 'not resized'} fit no batch"
        )
    squash = kind not in ("CLIP", "Bit") if isinstance(steps["size"], int) else "height" in steps["size"]
    resized = _side(path, steps["size"])
    size = _side(path, steps["crop_size"]) if steps.get("do_center_crop") else resized
    if size > resized or not (squash or steps.get("do_center_crop")):
        raise BackboneError(f"{path}: pictures of many shapes, or with a border, fit no batch")
    if steps["resample"] not in range(len(FILTERS)):
        raise BackboneError(f"{path}: unknown resample {steps['resample']}: one of 0 to 5 was expected")
    mean, scale = _normalisation(steps)
    return Preprocessing(size, resized, mean, scale, FILTERS[steps["resample"]], squash)


def _read(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Give the file and what it says of pictures; since transformers 5 that stands among other things."""
    for name in "preprocessor_config.json", "processor_config.json":
        path = folder / name
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise BackboneError(f"{path} cannot be read ({error}): fetch the checkpoint again") from error
        return path, given.get("image_processor", given)
    raise BackboneError(f"{folder} has no preprocessor_config.json: fetch it too, it says how pictures are prepared")


def _side(path: Path, size: int | Mapping[str, int]) -> int:
    sides = {size} if isinstance(size, int) else {side for side in size.values() if side is not None}
    if len(sides) != 1:
        raise BackboneError(f"{path}: pictures must become squares, not {size}")
    (side,) = sides
    return side


def _normalisation(steps: Mapping[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Give mean and scale of pixels from 0 to 255: (pixel · factor - mean) / std is (pixel - mean / factor) / …."""
    factor = steps["rescale_factor"] if steps["do_rescale"] else 1.0
    mean, std = (steps["image_mean"], steps["image_std"]) if steps["do_normalize"] else ((0.0,) * 3, (1.0,) * 3)
    red, green, blue = ((float(m) / factor, float(s) / factor) for m, s in zip(mean, std, strict=True))
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])

"""A checkpoint's `preprocessor_config.json` as our `Preprocessing`, so that every engine can run it.

What the file leaves out is filled in as transformers does, by the kind of its image processor.
"""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from fieldguide.core.errors import BackboneError
from fieldguide.images.preprocessing import FILTERS, Filter, Preprocessing

MOST_PIXELS = 4096  # of a side; no checkpoint comes near
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
    BackboneError : there is no such file, or it is damaged, or has a step that `Preprocessing` does not have.
    """
    path, given = _read(folder)
    processor_name = given.get("image_processor_type") or given.get("feature_extractor_type") or kind
    name = str(processor_name).removesuffix("Pil").removesuffix("Fast")
    kind = name.removesuffix("ImageProcessor").removesuffix("FeatureExtractor")
    if kind not in DEFAULTS:
        raise BackboneError(f"{path}: pictures of {processor_name} are prepared in a way that fieldguide does not know")
    # As transformers has it: a switch that is null is off; another null is as if it were not there
    known = {key: value for key, value in given.items() if value is not None or key.startswith("do_")}
    steps = {**DEFAULTS[kind], **known}
    if not steps["do_resize"] or steps.get("do_pad"):
        raise BackboneError(
            f"{path}: pictures that are {'padded' if steps['do_resize'] else 'not resized'} fit no batch"
        )
    square = steps.get("default_to_square", kind not in ("CLIP", "Bit"))
    resized, squash = _resized(path, steps["size"], square=bool(square))
    size = _cropped(path, steps.get("crop_size")) if steps.get("do_center_crop") else resized
    if size > resized or not (squash or steps.get("do_center_crop")):
        raise BackboneError(f"{path}: pictures of many shapes, or with a border, fit no batch")
    mean, scale = _normalisation(path, steps)
    return Preprocessing(size, resized, mean, scale, _filter(path, given.get("resample", steps["resample"])), squash)


def _read(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Give the file and what it says of pictures; since transformers 5 that stands among other things."""
    for name in "preprocessor_config.json", "processor_config.json":
        path = folder / name
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError, RecursionError) as error:
            raise BackboneError(f"{path} cannot be read ({error}): fetch the checkpoint again") from error
        if not isinstance(given, dict):
            raise BackboneError(f"{path} cannot be read (it holds no object): fetch the checkpoint again")
        within = given.get("image_processor")
        return path, within if isinstance(within, dict) else given
    raise BackboneError(f"{folder} has no preprocessor_config.json: fetch it too, it says how pictures are prepared")


def _resized(path: Path, size: Any, *, square: bool) -> tuple[int, bool]:
    """Give the side that pictures are resized to, and whether it is that of a square rather than the shorter one."""
    sides = size
    if isinstance(size, list) and len(size) == 2:  # height and width, in files of older versions
        sides = {"height": size[0], "width": size[1]}
    if not isinstance(sides, Mapping):
        return _pixels(path, sides), square
    sides = {key: side for key, side in sides.items() if side is not None}
    if sides.keys() == {"shortest_edge"}:
        return _pixels(path, sides["shortest_edge"]), False
    if sides.keys() != {"height", "width"} or sides["height"] != sides["width"]:
        raise BackboneError(f"{path}: pictures must become squares, not {size}")
    return _pixels(path, sides["height"]), True


def _cropped(path: Path, size: Any) -> int:
    """Give the side of the square that is cut out of the centre."""
    if isinstance(size, Mapping) and size.get("shortest_edge") is not None:
        raise BackboneError(f"{path}: a crop must be a square, not {size}")
    return _resized(path, size, square=True)[0]


def _pixels(path: Path, side: Any) -> int:
    if not _is_number(side) or side != int(side) or not 1 <= side <= MOST_PIXELS:
        raise BackboneError(f"{path}: a side of {side} pixels: a whole number from 1 to {MOST_PIXELS} was expected")
    return int(side)


def _filter(path: Path, resample: Any) -> Filter:
    """Give the filter of that number of Pillow's, or of that name, such as `bicubic` or `PIL.Image.BICUBIC`."""
    name = resample.rpartition(".")[2].lower() if isinstance(resample, str) else None
    for number, known in enumerate(FILTERS):
        if name == known or (_is_number(resample) and resample == number):
            return known
    raise BackboneError(f"{path}: unknown resample {resample}: one of 0 to 5 was expected")


def _normalisation(
    path: Path, steps: Mapping[str, Any]
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Give mean and scale of pixels from 0 to 255: (pixel · factor - mean) / std is (pixel - mean / factor) / …."""
    (factor,) = _numbers(path, steps, "rescale_factor", 1) if steps["do_rescale"] else (1.0,)
    mean, std = [0.0] * 3, [1.0] * 3
    if steps["do_normalize"]:
        mean, std = _numbers(path, steps, "image_mean", 3), _numbers(path, steps, "image_std", 3)
    if factor <= 0 or min(std) <= 0:
        raise BackboneError(f"{path}: rescale_factor {factor:g} and image_std {std} must be above 0")
    red, green, blue = ((m / factor, s / factor) for m, s in zip(mean, std, strict=True))
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])


def _numbers(path: Path, steps: Mapping[str, Any], key: str, n: int) -> list[float]:
    """Give n numbers, one for each channel or one for all."""
    value = steps[key]
    values = list(value) if isinstance(value, list | tuple) else [value] * n
    if len(values) != n or not all(map(_is_number, values)):
        raise BackboneError(f"{path}: {key} is {value}: one number{f', or {n},' * (n > 1)} was expected")
    return [float(one) for one in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)

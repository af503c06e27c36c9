"""Libraries that not everybody installs: each is imported here, so that a missing one is always one line."""

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fieldguide.core.errors import FieldguideError

# By library, the argument of `pip install` that brings it
INSTALL = {
    "accelerate": "'fieldguide[train]'",
    "cv2": "opencv-python-headless",
    "evoc": "'fieldguide[evoc]'",
    "huggingface_hub": "'fieldguide[huggingface]'",
    "jinja2": "'fieldguide[report]'",
    "kornia": "'fieldguide[train]'",
    "matplotlib": "'fieldguide[report]'",
    "nncf": "'fieldguide[int8]'",
    "onnxruntime": "'fieldguide[onnx]'",
    "onnxscript": "'fieldguide[onnx]'",
    "open_clip": "'fieldguide[open_clip]'",
    "peft": "'fieldguide[train]'",
    "pytorch_metric_learning": "'fieldguide[train]'",
    "safetensors": "'fieldguide[train]'",
    "skimage": "'fieldguide[demo]'",
    "timm": "'fieldguide[timm]'",
    "transformers": "'fieldguide[huggingface]'",
    "umap": "umap-learn",
    "xgboost": "'fieldguide[xgboost]'",
}


def require(library: str, what: str, *, error: type[FieldguideError] = FieldguideError) -> Any:
    """Import a library that may be missing.

    Parameters
    ----------
    library : its name in `import`, a key of `INSTALL`
    what : what needs it, in words; the error begins with it
    error : the class of the error that is raised

    Returns
    -------
    The module.

    Raises
    ------
    FieldguideError : it is not installed, or another that it needs in turn is not.
    """
    try:
        return import_module(library)
    except ImportError as reason:
        is_absent = reason.name is None or reason.name.partition(".")[0] == library
        why = f"{library}, which is not installed" if is_absent else f"{library}, which cannot be imported ({reason})"
        raise error(f"{what} needs {why}: pip install {INSTALL[library]}") from None


def installed(library: str) -> bool:
    """Whether a library is there, without importing it."""
    return find_spec(library) is not None


def is_data_frame(thing: object) -> bool:
    """Whether something is a data frame of pandas, which need not be installed."""
    return _is_of_pandas(thing, "DataFrame")


def is_series(thing: object) -> bool:
    """Whether something is a series of pandas."""
    return _is_of_pandas(thing, "Series")


def _is_of_pandas(thing: object, kind: str) -> bool:
    pandas = sys.modules.get("pandas")  # who has such a thing has imported it
    return pandas is not None and isinstance(thing, getattr(pandas, kind))


def require_pandas() -> Any:
    """Import pandas for a data frame.

    Raises
    ------
    ImportError : it is not installed; as libraries say it, since only Python's users ask for data frames.
    """
    try:
        return import_module("pandas")
    except ImportError:
        raise ImportError("data frames need pandas: pip install 'fieldguide[pandas]'") from None

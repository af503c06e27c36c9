"""OpenVINO: several times PyTorch's speed on a CPU, with the same embeddings.

The network is converted from PyTorch once and kept in the cache folder; after that PyTorch is not even imported.
"""

import hashlib
import re
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from threading import local
from typing import Any

from fieldguide.arrays import Bytes, Floats
from fieldguide.embedding.backbones import Backbone, fingerprint
from fieldguide.errors import BackboneError
from fieldguide.machine import cache_folder, cores

# OpenVINO reports its use to its makers unless this package is missing. What a museum runs is its own affair.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoEngine:
    """One stream a core, one picture a stream: the picture's activations stay in that core's cache."""

    key = "openvino-float32"
    batch = 1

    def __init__(self, backbone: Backbone) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(_converted(backbone))
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": cores(),
            "NUM_STREAMS": cores(),
            "INFERENCE_PRECISION_HINT": "f32",  # OpenVINO would take bfloat16 where the CPU has it
        }
        self.model = core.compile_model(model, "CPU", settings)
        self.threads = local()  # an inference request serves one thread at a time
        # The first look at a tensor's data sets something up inside OpenVINO's bindings. Two threads that are both the
        # first wait for each other for ever, so it is done here
        _ = self.model.create_infer_request().get_input_tensor().data

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (1, size, size, 3) pixels to (1, dim)."""
        request = getattr(self.threads, "request", None)
        if request is None:
            request = self.threads.request = self.model.create_infer_request()
        embeddings: Floats = request.infer([pictures])[0].copy()
        return embeddings


def _converted(backbone: Backbone) -> Path:
    """Find the converted network in the cache, or convert it. A damaged one is made again."""
    import openvino

    version = openvino.get_version().split("-")[0]
    name = re.sub(r"[^\w.-]+", "-", backbone.name)  # which may be a path
    folder = cache_folder() / "engines" / f"{name}-{fingerprint(backbone)}-openvino-{version}"
    if not _intact(folder):
        try:
            _convert(backbone, folder)
        except OSError as error:
            raise BackboneError(
                f"the converted network cannot be kept in {folder.parent} ({error.strerror or error}): "
                "name another cache folder in FIELDGUIDE_CACHE, or take --engine torch"
            ) from error
    return folder / "network.xml"


def _convert(backbone: Backbone, folder: Path) -> None:
    import openvino

    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=folder.parent) as scratch:
        place = Path(scratch) / folder.name
        place.mkdir()
        openvino.save_model(_model(backbone), place / "network.xml", compress_to_fp16=False)
        (place / "sha256").write_text(_digest(place))
        shutil.rmtree(folder, ignore_errors=True)
        try:
            place.rename(folder)
        except OSError:
            if not _intact(folder):  # unless another run was quicker
                raise


def _model(backbone: Backbone) -> Any:
    import openvino
    import torch

    from fieldguide.embedding.engines.pytorch import with_normalisation

    size = backbone.preprocessing.size
    example = torch.zeros((1, size, size, 3), dtype=torch.uint8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # OpenVINO still traces, which PyTorch would rather not
        return openvino.convert_model(
            with_normalisation(backbone), example_input=example, input=[OpenVinoEngine.batch, size, size, 3]
        )


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in ("network.xml", "network.bin"):
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _intact(folder: Path) -> bool:
    try:
        return (folder / "sha256").read_text() == _digest(folder)
    except OSError:
        return False

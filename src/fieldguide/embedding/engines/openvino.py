"""OpenVINO: several times PyTorch's speed on a CPU, with the same embeddings.

The network is converted from PyTorch once and kept in the cache folder; after that PyTorch is not even imported.
"""

import sys
from pathlib import Path
from threading import local
from typing import Any

from fieldguide.arrays import Bytes, Floats
from fieldguide.embedding.backbones import Backbone, fingerprint
from fieldguide.embedding.engines.converted import converted
from fieldguide.machine import cores

# OpenVINO reports its use to its makers unless this package is missing. What a museum runs is its own affair.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]


class OpenVinoEngine:
    """One stream a core, one picture a stream: the picture's activations stay in that core's cache.

    Parameters
    ----------
    backbone : what to run
    network : a converted network to run instead of the backbone's own in float32, and
    key : its name
    """

    batch = 1

    def __init__(self, backbone: Backbone, network: Path | None = None, key: str = "openvino-float32") -> None:
        import openvino

        self.key = key
        core = openvino.Core()
        model = core.read_model(network or float_network(backbone))
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


def openvino_version() -> str:
    """Name the version that converts: another one may do it otherwise."""
    import openvino

    return f"openvino-{openvino.get_version().split('-')[0]}"


def float_network(backbone: Backbone) -> Path:
    """Find the converted network, or convert it."""

    def convert(place: Path) -> None:
        save(_model(backbone), place)

    return converted(backbone.name, fingerprint(backbone), openvino_version(), convert=convert) / "network.xml"


def save(model: Any, place: Path) -> None:
    """Write a network into a folder, in the precision it has."""
    import openvino

    openvino.save_model(model, place / "network.xml", compress_to_fp16=False)


def _model(backbone: Backbone) -> Any:
    import openvino
    import torch

    from fieldguide.embedding.engines.pytorch import with_normalisation

    size = backbone.preprocessing.size
    example = torch.zeros((1, size, size, 3), dtype=torch.uint8)
    return openvino.convert_model(
        with_normalisation(backbone), example_input=example, input=[OpenVinoEngine.batch, size, size, 3]
    )

"""OpenVINO: several times PyTorch's speed on a CPU, with the same embeddings.

The network is converted from PyTorch once and kept in the cache folder; after that PyTorch is not even imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from typing import Any

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.machine import cores
from fieldguide.engines.converted import converted
from fieldguide.engines.openvino_tokens import compute_one_token, has_attention

TELEMETRY = "openvino_telemetry"
CONVERSION = "c2"  # another when networks are converted in another way, so that those kept are made again
# A convolution's activations of one picture stay in the cache of the core that computes them. A transformer's weights
# do not fit there and are read again for each batch
BATCH, BATCH_OF_TRANSFORMERS = 1, 8
HINTS = {"float32": "f32", "bfloat16": "bf16"}  # by default OpenVINO takes bfloat16 where the CPU has it


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Import OpenVINO or NNCF here first: they report their use to their makers unless a package of theirs is missing.

    What a museum runs is its own affair. A program that has imported them before us has made its own choice.
    """
    absent = object()
    before: Any = sys.modules.get(TELEMETRY, absent)
    sys.modules[TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is absent:
            del sys.modules[TELEMETRY]
        else:
            sys.modules[TELEMETRY] = before


def load_openvino() -> Any:
    """Import OpenVINO, its converter with it."""
    with without_telemetry():
        import openvino
        import openvino.tools.ovc
    return openvino


class OpenVinoEngine:
    """One stream a core, a small batch a stream: no core waits for another.

    Parameters
    ----------
    backbone : what to run
    precision : `float32` or `bfloat16`, of what the network has in float32
    network : a converted network to run instead of the backbone's own, and
    name : what it is called in the key

    Raises
    ------
    BackboneError : bfloat16 on a CPU that has no arithmetic for it.
    """

    def __init__(
        self, backbone: Backbone, precision: str = "float32", network: Path | None = None, name: str | None = None
    ) -> None:
        core = load_openvino().Core()
        if precision == "bfloat16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise BackboneError("this CPU has no arithmetic for bfloat16: take --precision float32 or int8")
        model = core.read_model(network or float_network(backbone))
        settings = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": cores(),
            "NUM_STREAMS": cores(),
            "INFERENCE_PRECISION_HINT": HINTS[precision],
        }
        self.batch = int(model.input(0).shape[0])
        self.cache_key = f"openvino-{name or precision}-{self.batch}"
        self.model = core.compile_model(model, "CPU", settings)
        self.threads = local()  # an inference request serves one thread at a time
        # The first access to a tensor's data sets something up inside OpenVINO's bindings. Two threads that are
        # both the first wait for each other for ever, so it is done here
        _ = self.model.create_infer_request().get_input_tensor().data

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels, n = `batch`, to (n, dim)."""
        request = getattr(self.threads, "request", None)
        if request is None:
            request = self.threads.request = self.model.create_infer_request()
        embeddings: Floats = request.infer([pictures])[0].copy()
        return embeddings


def openvino_version() -> str:
    """Name the version that converts: another one may do it otherwise."""
    return f"openvino-{load_openvino().get_version().split('-')[0]}"


def float_network(backbone: Backbone) -> Path:
    """Find the converted network, or convert it."""

    def convert(place: Path) -> None:
        save(_model(backbone), place)

    facts = fingerprint(backbone), openvino_version(), CONVERSION
    return converted(backbone.name, *facts, convert=convert) / "network.xml"


def save(model: Any, place: Path) -> None:
    """Write a network into a folder, in the precision it has."""
    load_openvino().save_model(model, place / "network.xml", compress_to_fp16=False)


def _model(backbone: Backbone) -> Any:
    import torch

    from fieldguide.engines.pytorch import with_normalisation

    openvino = load_openvino()
    network, size = with_normalisation(backbone), backbone.preprocessing.size

    def convert(batch: int) -> Any:
        shape = [batch, size, size, 3]
        return openvino.convert_model(network, example_input=torch.zeros(shape, dtype=torch.uint8), input=shape)

    model = convert(BATCH)
    if has_attention(model):
        model = convert(BATCH_OF_TRANSFORMERS)  # traced anew: the size of a batch may have become a constant in it
        compute_one_token(model)
    return model

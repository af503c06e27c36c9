"""Weights and activations of 8 bits for OpenVINO, calibrated on the user's own pictures and checked on them.

Sources: post-training quantisation with fast bias correction, the documentation of NNCF; R. Krishnamoorthi, Quantizing
deep convolutional networks, arXiv:1806.08342, 2018, on depthwise convolutions.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.engines.converted import converted
from fieldguide.engines.openvino import (
    CONVERSION,
    OpenVinoEngine,
    float_network,
    load_openvino,
    openvino_version,
    save,
    without_telemetry,
)
from fieldguide.engines.openvino_tokens import has_attention
from fieldguide.images.decoding import UnreadableError, open_rgb
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records.image_table import Source

PICTURES = 64  # to calibrate by, and as many others to check by
LEAST_COSINE = 0.995  # to the embeddings of float32, on average


def quantised(backbone: Backbone, paths: Sequence[Source]) -> OpenVinoEngine:
    """Start a backbone in int8, calibrated on some of the pictures and checked on others.

    The network is kept under the pictures it was calibrated on: the same ones give the same embeddings again.

    Raises
    ------
    BackboneError : NNCF is not installed, no picture can be read, or the embeddings are too far from those of float32.
    """
    with without_telemetry():
        nncf = require("nncf", "--precision int8", error=BackboneError)

    sample = _sample(paths, backbone.preprocessing)
    # Of a few pictures none can be spared: the check is then on those that it was calibrated on
    calibration, check = (sample[::2], sample[1::2]) if len(sample) > PICTURES else (sample, sample)
    digest = hashlib.sha256(sample.tobytes()).hexdigest()[:16]

    def convert(place: Path) -> None:
        network = float_network(backbone)
        save(_quantise(network, calibration), place)
        own = OpenVinoEngine(backbone, network=place / "network.xml")
        _check(_embed(own, check), _embed(OpenVinoEngine(backbone, network=network), check))

    facts = fingerprint(backbone), openvino_version(), CONVERSION, f"nncf-{nncf.__version__}", f"int8-{digest}"
    network = converted(backbone.name, *facts, convert=convert) / "network.xml"
    return OpenVinoEngine(backbone, network=network, name=f"int8-{digest}")


def _sample(paths: Sequence[Source], steps: Preprocessing) -> Bytes:
    """Read pictures from all over the list: (n, size, size, 3), n at most 2 · PICTURES."""
    squares = []
    for place in np.unique(np.linspace(0, len(paths) - 1, 2 * PICTURES).astype(int)) if len(paths) else ():
        try:
            squares.append(steps(open_rgb(paths[place])))
        except UnreadableError:
            continue  # the pipeline will say so
    if not squares:
        raise BackboneError("int8 is calibrated on your own pictures, and none of those tried can be read")
    return np.stack(squares)


def _quantise(network: Path, sample: Bytes) -> Any:
    import nncf
    from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters, OverflowFix

    model = load_openvino().Core().read_model(network)
    kinds = {one.get_type_name() for one in model.get_ops()}
    batches = list(_batches(sample, int(model.input(0).shape[0])))
    with redirect_stdout(io.StringIO()):  # it draws bars
        return nncf.quantize(
            model,
            nncf.Dataset(batches),
            subset_size=len(batches),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER if has_attention(model) else None,
            # Depthwise convolutions are a small part of the work and, with few weights a channel, most of the error
            ignored_scope=nncf.IgnoredScope(types=["GroupConvolution"]) if "GroupConvolution" in kinds else None,
            # Half the range of weights is given up for CPUs before VNNI, whose sums of 8 bits overflow
            advanced_parameters=AdvancedQuantizationParameters(
                overflow_fix=OverflowFix.DISABLE if _has_vnni() else OverflowFix.ENABLE,
                batchwise_statistics=len(batches[0]) > 1,  # ranges by picture
            ),
        )


def _has_vnni() -> bool:
    try:
        return "vnni" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _batches(pictures: Bytes, size: int) -> Iterator[Bytes]:
    """Cut pictures into batches of one size; the last is made up with the first pictures."""
    for start in range(0, len(pictures), size):
        yield np.take(pictures, range(start, start + size), axis=0, mode="wrap")


def _embed(engine: OpenVinoEngine, pictures: Bytes) -> Floats:
    return np.vstack([engine(batch) for batch in _batches(pictures, engine.batch)])[: len(pictures)]


def _check(rounded: Floats, exact: Floats) -> None:
    """Refuse embeddings that are too far from those they stand for."""
    lengths = np.linalg.norm(rounded, axis=1) * np.linalg.norm(exact, axis=1)
    cosine = float(np.mean((rounded * exact).sum(1) / np.maximum(lengths, np.finfo(np.float32).tiny)))
    if not cosine >= LEAST_COSINE:
        raise BackboneError(
            f"int8 is too coarse for this backbone and your pictures: on {len(exact)} of them the mean cosine to "
            f"float32 is {cosine:.4f}, {LEAST_COSINE} at least is needed: take --precision float32"
        )

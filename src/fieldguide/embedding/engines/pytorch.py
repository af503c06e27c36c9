"""PyTorch, the engine that every other is held equal to."""

from threading import Lock
from typing import TYPE_CHECKING

from fieldguide.arrays import Bytes, Floats
from fieldguide.embedding.backbones import Backbone

if TYPE_CHECKING:
    from torch import nn


class TorchEngine:
    """Runs a backbone in PyTorch, on a GPU where there is one, in float32."""

    key = "torch-float32"
    batch = 32

    def __init__(self, backbone: Backbone) -> None:
        import torch

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.network = with_normalisation(backbone).to(self.device)
        self.lock = Lock()  # PyTorch spreads one batch over all cores; two at once would fight for them

    def __call__(self, pictures: Bytes) -> Floats:
        """Embed (n, size, size, 3) pixels to (n, dim)."""
        import torch

        with self.lock, torch.inference_mode():
            embeddings: Floats = self.network(torch.from_numpy(pictures).to(self.device)).cpu().numpy()
        return embeddings


def with_normalisation(backbone: Backbone) -> "nn.Module":
    """Build the backbone's network with bytes (n, size, size, 3) for input: the normalisation is inside."""
    import torch
    from torch import nn

    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = backbone.network()
            steps = backbone.preprocessing
            self.register_buffer("mean", torch.tensor(steps.mean).view(1, 3, 1, 1))
            self.register_buffer("scale", torch.tensor(steps.scale).view(1, 3, 1, 1))

        def forward(self, pictures):  # type: ignore[no-untyped-def]
            return self.body((pictures.permute(0, 3, 1, 2).float() - self.mean) / self.scale)

    return Normalised().eval()

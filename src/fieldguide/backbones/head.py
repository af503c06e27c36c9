"""The head of a trained backbone, from its base's embeddings to adapted ones: power and centring, linear layers."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

TINY = 1e-12  # under the root, where its slope has no bound


@dataclass(frozen=True)
class HeadShape:
    """The shape of a head, without its weights.

    Attributes
    ----------
    widths : numbers in an embedding before the first linear layer and after each; ReLU stands between layers
    centred : whether the input goes through `PowerCentring` first
    bias : whether the linear layers have one
    """

    widths: tuple[int, ...]
    centred: bool = False
    bias: bool = False


class Head(nn.Module):
    """Frozen embeddings (n, widths[0]) to adapted ones (n, widths[-1]), not normalised."""

    centre: torch.Tensor

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("centre", torch.zeros(shape.widths[0]))
        layers: list[nn.Module] = []
        for into, out in zip(shape.widths, shape.widths[1:], strict=False):
            layers += [nn.Linear(into, out, bias=shape.bias), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Map embeddings (n, widths[0]) to (n, widths[-1])."""
        if self.shape.centred:
            powers = torch.sign(embeddings) * torch.sqrt(torch.clamp(torch.abs(embeddings), min=TINY))
            embeddings = functional.normalize(powers - self.centre, dim=1)
        adapted: torch.Tensor = self.layers(embeddings)
        return adapted

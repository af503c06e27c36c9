"""What is trained: a head on embeddings, or a backbone, or part of it, with the head on top."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from fieldguide.backbones.head import Head, HeadShape
from fieldguide.core.arrays import Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.core.randomness import seeded
from fieldguide.recognition.power_centring import PowerCentring
from fieldguide.recognition.whitening import WithinClassWhitening
from fieldguide.training.configurations import Configuration

LORA_RANK = 8


def start_head(
    configuration: Configuration, gallery_embeddings: Floats, codes: Ints, query_embeddings: Floats | None
) -> Head:
    """Make a head with its first weights.

    Parameters
    ----------
    configuration : says which start
    gallery_embeddings : (n, dim) frozen embeddings to learn from
    codes : (n,) their classes
    query_embeddings : (m, dim) frozen embeddings of queries, if there are any
    """
    gallery, queries = gallery_embeddings, query_embeddings
    dim = gallery.shape[1]
    if configuration.start == "random":
        with seeded(configuration.seed):
            return Head(HeadShape((dim, *configuration.widths), bias=True))
    if configuration.start == "identity":
        head = Head(HeadShape((dim, dim)))
        weight = torch.eye(dim)
    else:
        every = gallery if queries is None else np.concatenate([gallery, queries])
        centring = PowerCentring().fit(every)
        others = None if queries is None else centring.map_rows(queries)
        classes = np.unique(codes, return_inverse=True)[1]
        space = WithinClassWhitening(seed=configuration.seed).fit(
            centring.map_rows(gallery), classes, unlabelled=others
        )
        head = Head(HeadShape((dim, space.map_.shape[1]), centred=True))
        head.centre = torch.from_numpy(centring.mean_)
        weight = torch.from_numpy(np.ascontiguousarray(space.map_.T))
    head.layers[0].load_state_dict({"weight": weight})
    return head


class TunedBackbone(nn.Module):
    """A backbone with a head; normalisation layers keep the statistics they came with, as small sets have poor ones.

    Parameters
    ----------
    base : the backbone's network
    head : on top
    tune : `full`, `last:N` or `lora`
    seed : of LoRA's first weights
    """

    def __init__(self, base: nn.Module, head: Head, tune: str, seed: int = 0) -> None:
        super().__init__()
        self.base = _with_lora(base, seed) if tune == "lora" else base
        self.head = head
        if tune.startswith("last:"):
            _freeze_but_last(base, int(tune.removeprefix("last:")))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Map pictures (n, 3, size, size) to adapted embeddings (n, dim)."""
        adapted: torch.Tensor = self.head(self.base(pictures))
        return adapted

    def train(self, mode: bool = True) -> "TunedBackbone":
        """Keep the base in evaluation mode: no dropout, no new statistics; gradients flow all the same."""
        self.head.train(mode)
        self.base.eval()
        return self

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give what a folder keeps: `base.…`, LoRA's updates added to the weights, and `head.…`."""
        base: Any = self.base
        plain = base.merge_and_unload() if hasattr(base, "merge_and_unload") else base
        return prefixed("base.", plain) | prefixed("head.", self.head)


def prefixed(prefix: str, module: nn.Module) -> dict[str, torch.Tensor]:
    """Give a module's tensors, their names behind a prefix."""
    return {prefix + name: value for name, value in module.state_dict().items()}


def _freeze_but_last(network: nn.Module, n: int) -> None:
    """Freeze all that comes before the last n blocks: the items of the longest list that lies in no other."""
    lists = {name: part for name, part in network.named_modules() if isinstance(part, nn.ModuleList | nn.Sequential)}
    outer = [part for name, part in lists.items() if not any(name.startswith(f"{other}.") for other in lists if other)]
    if not outer:
        raise FieldguideError("--tune last:N needs a backbone made of blocks, which this one is not: use full or lora")
    blocks = max(outer, key=len)
    if n > len(blocks):
        raise FieldguideError(f"--tune last:{n} is more than the {len(blocks)} blocks of this backbone")
    first = next((weight for block in list(blocks)[-n:] for weight in block.parameters()), None)
    for parameter in _before(network, first):
        parameter.requires_grad_(False)


def _before(network: nn.Module, first: nn.Parameter | None) -> Iterator[nn.Parameter]:
    for parameter in network.parameters():
        if parameter is first:
            return
        yield parameter


def _with_lora(base: nn.Module, seed: int) -> nn.Module:
    """Add low-rank updates to all linear layers and ungrouped convolutions; the rest is frozen.

    Source: E. Hu et al., LoRA, ICLR 2022.
    """
    from peft import LoraConfig, get_peft_model

    targets = [
        name
        for name, part in base.named_modules()
        if isinstance(part, nn.Linear) or (isinstance(part, nn.Conv2d) and part.groups == 1)
    ]
    config = LoraConfig(r=LORA_RANK, lora_alpha=2 * LORA_RANK, target_modules=targets)
    with seeded(seed):
        adapted: nn.Module = get_peft_model(base, config)
    return adapted

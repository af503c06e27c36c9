"""The losses that training minimises: pytorch-metric-learning's on labels, on views or on both, and one for drift."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from fieldguide.training.configurations import Configuration

# name: the loss, from how many classes, of how many numbers
_LOSSES: dict[str, Callable[[Any, Configuration, int, int], nn.Module]] = {
    # P. Khosla et al., Supervised contrastive learning, NeurIPS 2020
    "supcon": lambda pml, configuration, n_classes, dim: pml.SupConLoss(temperature=configuration.temperature),
    # F. Schroff, D. Kalenichenko, J. Philbin, FaceNet, CVPR 2015
    "triplet": lambda pml, configuration, n_classes, dim: pml.TripletMarginLoss(margin=configuration.margin),
    # S. Kim, D. Kim, M. Cho, S. Kwak, Proxy anchor loss, CVPR 2020
    "proxy-anchor": lambda pml, configuration, n_classes, dim: pml.ProxyAnchorLoss(n_classes, dim),
    # X. Wang et al., Multi-similarity loss with general pair weighting, CVPR 2019
    "multi-similarity": lambda pml, configuration, n_classes, dim: pml.MultiSimilarityLoss(),
    # J. Deng, J. Guo, N. Xue, S. Zafeiriou, ArcFace, CVPR 2019
    "arcface": lambda pml, configuration, n_classes, dim: pml.ArcFaceLoss(n_classes, dim),
}


class Objective(nn.Module):
    """The loss of a batch, with the proxies that some losses learn.

    Parameters
    ----------
    configuration : which loss, and its numbers
    n_classes, dim : of the gallery and the adapted embedding
    """

    def __init__(self, configuration: Configuration, n_classes: int, dim: int) -> None:
        super().__init__()
        from pytorch_metric_learning import losses, miners

        self.configuration = configuration
        self.labelled = (
            _LOSSES[configuration.loss](losses, configuration, n_classes, dim)
            if configuration.approach != "simclr"
            else None
        )
        mined = configuration.approach != "simclr" and configuration.loss == "multi-similarity"
        self.miner = miners.MultiSimilarityMiner() if mined else None
        # NT-Xent, T. Chen, S. Kornblith, M. Norouzi, G. Hinton, SimCLR, ICML 2020: of two views a picture it is the
        # supervised contrastive loss. The library's NTXentLoss sets every pair against all negatives: a cube
        self.views = losses.SupConLoss(temperature=configuration.temperature)

    def by_labels(self, rows: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Give the loss of adapted rows (n, dim) by their classes (n,)."""
        assert self.labelled is not None
        pairs = self.miner(rows, codes) if self.miner is not None else None
        loss: torch.Tensor = self.labelled(rows, codes, pairs) if pairs is not None else self.labelled(rows, codes)
        return loss

    def by_views(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Give the loss of two views (n, dim) of the same n pictures."""
        same = torch.arange(len(one), device=one.device)
        loss: torch.Tensor = self.views(torch.cat([one, other]), torch.cat([same, same]))
        return loss

    def by_distance(self, rows: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        """Give the penalty for how far rows (n, dim) have gone from where they started."""
        return self.configuration.stay * (1 - functional.cosine_similarity(rows, start)).mean()

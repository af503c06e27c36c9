"""What training makes small: losses of pytorch-metric-learning on labels, views or both, and the wish to stay."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from fieldguide.training.configurations import Configuration

# name: the loss, from how many classes, of how many numbers
_LOSSES: dict[str, Callable[[Any, Configuration, int, int], nn.Module]] = {
    # P. Khosla et al., Supervised contrastive learning, NeurIPS 2020
    "supcon": lambda pml, how, classes, dim: pml.SupConLoss(temperature=how.temperature),
    # F. Schroff, D. Kalenichenko, J. Philbin, FaceNet, CVPR 2015
    "triplet": lambda pml, how, classes, dim: pml.TripletMarginLoss(margin=how.margin),
    # S. Kim, D. Kim, M. Cho, S. Kwak, Proxy anchor loss, CVPR 2020
    "proxy-anchor": lambda pml, how, classes, dim: pml.ProxyAnchorLoss(classes, dim),
    # X. Wang et al., Multi-similarity loss with general pair weighting, CVPR 2019
    "multi-similarity": lambda pml, how, classes, dim: pml.MultiSimilarityLoss(),
    # J. Deng, J. Guo, N. Xue, S. Zafeiriou, ArcFace, CVPR 2019
    "arcface": lambda pml, how, classes, dim: pml.ArcFaceLoss(classes, dim),
}


class Objective(nn.Module):
    """The loss of a batch, with the proxies that some losses learn.

    Parameters
    ----------
    how : the configuration
    n_classes, dim : of the gallery and the adapted embedding
    """

    def __init__(self, how: Configuration, n_classes: int, dim: int) -> None:
        super().__init__()
        from pytorch_metric_learning import losses, miners

        self.how = how
        self.labelled = _LOSSES[how.loss](losses, how, n_classes, dim) if how.approach != "simclr" else None
        mined = how.approach != "simclr" and how.loss == "multi-similarity"
        self.miner = miners.MultiSimilarityMiner() if mined else None
        # NT-Xent, T. Chen, S. Kornblith, M. Norouzi, G. Hinton, SimCLR, ICML 2020: of two views a picture it is the
        # supervised contrastive loss. The library's NTXentLoss sets every pair against all negatives: a cube
        self.views = losses.SupConLoss(temperature=how.temperature)

    def by_labels(self, rows: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Judge adapted rows (n, dim) by their classes (n,)."""
        assert self.labelled is not None
        pairs = self.miner(rows, codes) if self.miner is not None else None
        loss: torch.Tensor = self.labelled(rows, codes, pairs) if pairs is not None else self.labelled(rows, codes)
        return loss

    def by_views(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Judge two views (n, dim) of the same n pictures."""
        same = torch.arange(len(one), device=one.device)
        loss: torch.Tensor = self.views(torch.cat([one, other]), torch.cat([same, same]))
        return loss

    def by_distance(self, rows: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        """Judge how far rows (n, dim) have gone from where they started."""
        return self.how.stay * (1 - functional.cosine_similarity(rows, start)).mean()

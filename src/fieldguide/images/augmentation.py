"""Augmented views of pictures, for training and for means of several views."""

from typing import TYPE_CHECKING, Any

from fieldguide.core.arrays import Bytes
from fieldguide.images.decoding import open_rgb
from fieldguide.images.preprocessing import SPARE, Preprocessing
from fieldguide.records.image_table import Source

if TYPE_CHECKING:
    import torch


def augmentation(size: int) -> Any:
    """Make kornia's augmentation of batches (n, 3, size, size) from 0 to 1: SimCLR's, with a milder crop.

    Its turn of the hue is left out: on a CPU that takes longer than all the rest, and colours distinguish things.

    Source: T. Chen, S. Kornblith, M. Norouzi, G. Hinton, SimCLR, ICML 2020, appendix A.
    """
    from kornia import augmentation as kornia

    return kornia.AugmentationSequential(
        kornia.RandomResizedCrop((size, size), scale=(0.4, 1.0), ratio=(0.8, 1.25), cropping_mode="slice"),
        kornia.RandomHorizontalFlip(p=0.5),
        kornia.ColorJitter(0.4, 0.4, 0.4, 0, p=0.8),
        kornia.RandomGrayscale(p=0.2),
        kornia.RandomGaussianBlur((5, 5), (0.1, 2.0), p=0.3),
        data_keys=["input"],
    )


def decoded(source: Source, steps: Preprocessing) -> Bytes:
    """Give a picture's pixels as a network takes them, (size, size, 3)."""
    return steps(open_rgb(source, SPARE * steps.shorter_side))


def to_floats(pixels: Bytes) -> "torch.Tensor":
    """Give pixels (n, size, size, 3) as numbers from 0 to 1, (n, 3, size, size)."""
    import torch

    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def to_bytes(pictures: "torch.Tensor") -> Bytes:
    """Undo `to_floats`, rounded."""
    pixels: Bytes = (pictures.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels

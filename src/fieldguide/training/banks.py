"""Where batches come from: embeddings of augmented views made once, or pictures augmented anew each time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from fieldguide.backbones import Backbone
from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.machine import cores
from fieldguide.core.progress import progress
from fieldguide.embedding.pipeline import SPARE
from fieldguide.engines import Engine
from fieldguide.images.decoding import open_rgb
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records import Catalog
from fieldguide.training.randomness import seeded

AT_ONCE = 16  # pictures augmented together


class Bank(Protocol):
    """Inputs of what is trained, by the picture's row. Draws are random by PyTorch's own generator."""

    def __len__(self) -> int:
        """How many pictures there are."""

    def draw(self, rows: Sequence[int]) -> torch.Tensor:
        """Give a random view of each of these pictures."""

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give these pictures as they are."""


class EmbeddedViews:
    """For a head: the backbone has run, and a batch is a choice of embeddings.

    Parameters
    ----------
    frozen : (n, dim) embeddings of the pictures as they are
    views : (n_views, n, dim) embeddings of augmented views; with none, the pictures themselves are drawn
    """

    def __init__(self, frozen: Floats, views: Floats) -> None:
        self.frozen = torch.from_numpy(np.ascontiguousarray(frozen, np.float32))
        self.views = torch.from_numpy(np.ascontiguousarray(views, np.float32)) if len(views) else self.frozen[None]

    def __len__(self) -> int:
        return len(self.frozen)

    def draw(self, rows: Sequence[int]) -> torch.Tensor:
        """Give the embedding of a random view of each picture, (len(rows), dim)."""
        return self.views[torch.randint(len(self.views), (len(rows),)), torch.as_tensor(rows)]

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give the frozen embeddings, (len(rows), dim)."""
        return self.frozen[torch.as_tensor(rows)]


class Pictures:
    """For a backbone that is trained itself: pictures are decoded and augmented for every batch.

    Parameters
    ----------
    paths : n pictures that can be read
    steps : how the backbone wants them
    """

    def __init__(self, paths: Sequence[Path], steps: Preprocessing) -> None:
        self.paths, self.steps = paths, steps
        self.augment = augmentation(steps.size)
        self.pool = ThreadPoolExecutor(cores())

    def __len__(self) -> int:
        return len(self.paths)

    def draw(self, rows: Sequence[int]) -> torch.Tensor:
        """Give augmented and normalised pictures (len(rows), 3, size, size)."""
        return self._normalised(self.augment(_as_shares(self._squares(rows))).clamp(0, 1) * 255)

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give normalised pictures (len(rows), 3, size, size)."""
        return self._normalised(_as_shares(self._squares(rows)) * 255)

    def _squares(self, rows: Sequence[int]) -> Bytes:
        return np.stack(list(self.pool.map(lambda row: _square(self.paths[row], self.steps), rows)))

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        mean, scale = (torch.tensor(value).view(1, 3, 1, 1) for value in (self.steps.mean, self.steps.scale))
        return (pixels - mean) / scale


def augmentation(size: int) -> Any:
    """Make kornia's augmentation of batches (n, 3, size, size) from 0 to 1: SimCLR's, with a milder crop.

    Its turn of the hue is left out: on a CPU that takes longer than all the rest, and colours tell things apart.

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


class Views:
    """Embeddings of augmented views, made once in a run, however many trainings want them.

    Parameters
    ----------
    backbone, engine : what embeds them
    seed : of what is drawn
    show : whether to show progress
    """

    def __init__(self, backbone: Backbone, engine: Engine, seed: int = 0, *, show: bool = True) -> None:
        self.backbone, self.engine, self.seed, self.show = backbone, engine, seed, show
        self.known: dict[Path, Floats] = {}

    def of(self, catalog: Catalog, n_views: int, what: str) -> Floats:
        """Give views of pictures that can all be read: (n_views, len(catalog), dim)."""
        views = np.empty((n_views, len(catalog), self.backbone.dim), np.float32)
        if not n_views:
            return views
        missing = [path for path in dict.fromkeys(catalog.paths) if len(self.known.get(path, ())) < n_views]
        self.known.update(zip(missing, self._embed(missing, n_views, what), strict=True))
        for row, path in enumerate(catalog.paths):
            views[:, row] = self.known[path][:n_views]
        return views

    def _embed(self, paths: Sequence[Path], n_views: int, what: str) -> Floats:
        """Augment and embed, (len(paths), n_views, dim); the same for the same seed."""
        views = np.empty((len(paths), n_views, self.backbone.dim), np.float32)
        if not paths:
            return views
        steps, batch = self.backbone.preprocessing, self.engine.batch
        augment = augmentation(steps.size)
        with (
            ThreadPoolExecutor(cores()) as pool,
            seeded(self.seed),
            progress(what, len(paths), show=self.show) as advance,
        ):
            for start in range(0, len(paths), AT_ONCE):
                some = paths[start : start + AT_ONCE]
                squares = np.stack(list(pool.map(lambda path: _square(path, steps), some)))
                torch.manual_seed(self.seed * 1_000_003 + start)  # no two seeds draw the same views elsewhere
                drawn = augment(_as_shares(np.repeat(squares, n_views, axis=0)))
                pixels = _as_pixels(drawn)
                short = -len(pixels) % batch  # an engine takes full batches
                pixels = np.concatenate([pixels, np.zeros((short, *pixels.shape[1:]), np.uint8)])
                rows = np.concatenate(list(pool.map(self.engine, np.split(pixels, len(pixels) // batch))))
                views[start : start + len(some)] = rows[: len(drawn)].reshape(len(some), n_views, -1)
                for _ in some:
                    advance()
        return views


def _square(path: Path, steps: Preprocessing) -> Bytes:
    return steps(open_rgb(path, SPARE * steps.shorter_side))


def _as_shares(pixels: Bytes) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def _as_pixels(shares: torch.Tensor) -> Bytes:
    pixels: Bytes = (shares.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels

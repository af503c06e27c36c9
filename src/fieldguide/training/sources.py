"""Where batches come from: embeddings of augmented views made once, or pictures augmented anew each time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import torch

from fieldguide.core.arrays import Bytes, Floats
from fieldguide.core.machine import cores
from fieldguide.images.augmentation import augmentation, decoded, to_floats
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records.image_table import Source


class ViewSource(Protocol):
    """Gives the inputs of the trained network, by the picture's row. Views are random by PyTorch's own generator."""

    def __len__(self) -> int:
        """How many pictures there are."""

    def augmented(self, rows: Sequence[int]) -> torch.Tensor:
        """Give a random view of each of these pictures."""

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give these pictures as they are."""


class EmbeddedViews:
    """Embeddings as inputs of a head: the backbone has run, and a batch is a choice of embeddings.

    Parameters
    ----------
    embeddings : (n, dim) of the pictures as they are
    views : (n_views, n, dim) embeddings of augmented views; with none, the pictures themselves are drawn
    """

    def __init__(self, embeddings: Floats, views: Floats) -> None:
        self.embeddings = torch.from_numpy(np.ascontiguousarray(embeddings, np.float32))
        self.views = torch.from_numpy(np.ascontiguousarray(views, np.float32)) if len(views) else self.embeddings[None]

    def __len__(self) -> int:
        return len(self.embeddings)

    def augmented(self, rows: Sequence[int]) -> torch.Tensor:
        """Give the embedding of a random view of each picture, (len(rows), dim)."""
        return self.views[torch.randint(len(self.views), (len(rows),)), torch.as_tensor(rows)]

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give the embeddings of the pictures as they are, (len(rows), dim)."""
        return self.embeddings[torch.as_tensor(rows)]


class AugmentedPictures:
    """Pixels as inputs of a whole network: pictures are decoded and augmented for every batch.

    Parameters
    ----------
    paths : n pictures that can be read
    preprocessing : of the backbone
    """

    def __init__(self, paths: Sequence[Source], preprocessing: Preprocessing) -> None:
        self.paths, self.preprocessing = paths, preprocessing
        self.augment = augmentation(preprocessing.size)
        self.pool = ThreadPoolExecutor(cores())

    def __len__(self) -> int:
        return len(self.paths)

    def augmented(self, rows: Sequence[int]) -> torch.Tensor:
        """Give augmented and normalised pictures (len(rows), 3, size, size)."""
        return self._normalised(self.augment(to_floats(self._squares(rows))).clamp(0, 1) * 255)

    def plain(self, rows: Sequence[int]) -> torch.Tensor:
        """Give normalised pictures (len(rows), 3, size, size)."""
        return self._normalised(to_floats(self._squares(rows)) * 255)

    def _squares(self, rows: Sequence[int]) -> Bytes:
        return np.stack(list(self.pool.map(lambda row: decoded(self.paths[row], self.preprocessing), rows)))

    def _normalised(self, pixels: torch.Tensor) -> torch.Tensor:
        steps = self.preprocessing
        mean, scale = (torch.tensor(value).view(1, 3, 1, 1) for value in (steps.mean, steps.scale))
        return (pixels - mean) / scale

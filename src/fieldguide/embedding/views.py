"""Embeddings of augmented views of pictures, made once in a run."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from fieldguide.backbones import Backbone
from fieldguide.core.arrays import Floats
from fieldguide.core.machine import cores
from fieldguide.core.progress import progress
from fieldguide.core.randomness import seeded
from fieldguide.engines import Engine
from fieldguide.images.augmentation import augmentation, decoded, to_bytes, to_floats
from fieldguide.records import ImageTable
from fieldguide.records.image_table import Source

BLOCK = 16  # pictures that are augmented together


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
        self.known: dict[Path | bytes, Floats] = {}

    def of(self, pictures: ImageTable, n_views: int, what: str) -> Floats:
        """Give views of pictures that can all be read: (n_views, len(pictures), dim)."""
        views = np.empty((n_views, len(pictures), self.backbone.dim), np.float32)
        if not n_views:
            return views
        keys = [self._key(source) for source in pictures.sources]
        missing = {
            key: source
            for key, source in zip(keys, pictures.sources, strict=True)
            if len(self.known.get(key, ())) < n_views
        }
        self.known.update(zip(missing, self._embed(list(missing.values()), n_views, what), strict=True))
        for row, key in enumerate(keys):
            views[:, row] = self.known[key][:n_views]
        return views

    def _key(self, source: Source) -> Path | bytes:
        """Name a picture: by its path, or if it is in memory by what it comes to."""
        if isinstance(source, Path):
            return source
        return sha256(np.ascontiguousarray(decoded(source, self.backbone.preprocessing)).data).digest()

    def _embed(self, paths: Sequence[Source], n_views: int, what: str) -> Floats:
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
            for start in range(0, len(paths), BLOCK):
                some = paths[start : start + BLOCK]
                squares = np.stack(list(pool.map(lambda path: decoded(path, steps), some)))
                torch.manual_seed(self.seed * 1_000_003 + start)  # no two seeds draw the same views elsewhere
                drawn = augment(to_floats(np.repeat(squares, n_views, axis=0)))
                pixels = to_bytes(drawn)
                short = -len(pixels) % batch  # an engine takes full batches
                pixels = np.concatenate([pixels, np.zeros((short, *pixels.shape[1:]), np.uint8)])
                rows = np.concatenate(list(pool.map(self.engine, np.split(pixels, len(pixels) // batch))))
                views[start : start + len(some)] = rows[: len(drawn)].reshape(len(some), n_views, -1)
                for _ in some:
                    advance()
        return views

"""The runs that a training is made of: one on each fold of the classes, which decide, and one on all of them."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fieldguide.backbones import Backbone
from fieldguide.backbones.adapted import save_epoch
from fieldguide.backbones.head import Head
from fieldguide.core.arrays import Anything, Floats, Ints
from fieldguide.core.errors import FieldguideError
from fieldguide.core.randomness import seeded
from fieldguide.embedding import EmbeddingTable
from fieldguide.training.batches import TrainingData
from fieldguide.training.checkpoint import Epoch
from fieldguide.training.configurations import Configuration
from fieldguide.training.folder import checkpoint_of
from fieldguide.training.held_out import Fold, cosine_points, recognizer_points
from fieldguide.training.loop import embed_plain, run
from fieldguide.training.networks import TunedBackbone, start_head
from fieldguide.training.processes import from_main
from fieldguide.training.sources import AugmentedPictures, EmbeddedViews, ViewSource

NO_ROWS = np.arange(0)
ALL = "all"  # the run on all classes, whose head is kept
STAGES = 4  # parts of a training, after each of which the head is kept for the report's maps


@dataclass(frozen=True)
class Runs:
    """What all runs of a training share.

    Attributes
    ----------
    configuration : how to train
    gallery, queries : embeddings that training starts from; no queries where there are none
    gallery_views, queries_views : (n_views, n or m, dim) of augmented views
    codes : (n,) the class of each gallery picture, from 0
    backbone : what made the embeddings
    folder : of the checkpoints
    """

    configuration: Configuration
    gallery: EmbeddingTable
    queries: EmbeddingTable | None
    gallery_views: Floats
    queries_views: Floats | None
    codes: Ints
    backbone: Backbone
    folder: Path

    @property
    def query_embeddings(self) -> Floats | None:
        """(m, dim), or None."""
        return None if self.queries is None else self.queries.matrix

    def evaluate_folds(self, folds: Sequence[Fold]) -> tuple[Anything, list[Anything]]:
        """Train on each fold: points of the held-out pictures, of the frozen embedding and by epoch.

        A fold that collapsed early has no say on later epochs, so that only epochs that every fold reached are given.
        """
        frozen, by_fold = [], []
        for number, fold in enumerate(folds):
            frozen.append(from_main(partial(cosine_points, self.gallery.matrix, self.codes, fold.heldout_rows)))
            _, history = self.train(fold.train_rows, fold.heldout_rows, self.configuration.epochs, f"held-out-{number}")
            by_fold.append([np.array(epoch.points) for epoch in history])
        reached = min(map(len, by_fold))
        return np.concatenate(frozen), [np.concatenate([fold[at] for fold in by_fold]) for at in range(reached)]

    def evaluate_recognizer(self, folds: Sequence[Fold], epochs: int) -> tuple[Anything, Anything]:
        """Tune on each fold again, that long: points of the default recognizer, of frozen and of tuned embeddings.

        It whitens the space by itself, so that it may have no use for what plain cosine gains by.
        """
        seed, before, after = self.configuration.seed, [], []
        for number, fold in enumerate(folds):
            points = partial(recognizer_points, codes=self.codes, heldout_rows=fold.heldout_rows, seed=seed)
            before.append(from_main(partial(points, self.gallery.matrix, self.query_embeddings)))
            network, _ = self.train(fold.train_rows, NO_ROWS, epochs, f"recognizer-{number}")
            labelled, _ = self.sources()
            tuned_gallery = embed_plain(network, labelled, np.arange(len(labelled)))
            tuned_queries = None
            if self.queries is not None:
                pictures = AugmentedPictures(self.queries.readable.sources, self.backbone.preprocessing)
                tuned_queries = embed_plain(network, pictures, np.arange(len(pictures)))
            after.append(from_main(partial(points, tuned_gallery, tuned_queries)))
        return np.concatenate(before), np.concatenate(after)

    def train_on_all(self, epochs: int) -> tuple[Any, list[Epoch]]:
        """Train on all classes; gives the network that is kept.

        Raises
        ------
        FieldguideError : the loss is no longer a number.
        """
        network, history = self.train(np.arange(len(self.codes)), NO_ROWS, epochs, ALL)
        if not all(math.isfinite(epoch.loss) for epoch in history[1:]):
            raise FieldguideError(
                f"training lost itself: its loss is no number after {len(history) - 1} epochs; take a smaller --lr"
            )
        return network, history

    def train(self, train_rows: Ints, heldout_rows: Ints, epochs: int, name: str) -> tuple[Any, list[Epoch]]:
        """Train a new network on some rows of the gallery, and evaluate it on others after each epoch."""
        configuration = self.configuration
        head = start_head(configuration, self.gallery.matrix[train_rows], self.codes[train_rows], self.query_embeddings)
        network: Any = head if configuration.tune == "head" else self.tuned(head)
        start = copy.deepcopy(network).requires_grad_(False).eval() if configuration.stay else None
        labelled, unlabelled = self.sources()

        def heldout_points(embeddings: Floats) -> Any:
            return cosine_points(embeddings, self.codes, heldout_rows) if len(heldout_rows) else ()

        stages = np.linspace(0, epochs, min(epochs, STAGES) + 1).round()

        def on_epoch_end(epoch: int, network: Any) -> None:
            if name == ALL and network is head and epoch in stages:
                save_epoch(self.folder, epoch, head)

        data = TrainingData(labelled, self.codes, train_rows, heldout_points, unlabelled)
        checkpoint = from_main(partial(checkpoint_of, self.folder, name))
        return network, run(network, start, data, configuration, epochs, checkpoint, on_epoch_end)

    def tuned(self, head: Head) -> TunedBackbone:
        """Put a head on a new copy of the backbone's network."""
        seed = self.configuration.seed
        with seeded(seed):  # some libraries draw weights before they load them
            return TunedBackbone(self.backbone.network(), head, self.configuration.tune, seed)

    def sources(self) -> tuple[ViewSource, ViewSource]:
        """Give the labelled pictures, and all for learning without labels."""
        gallery, queries = self.gallery, self.queries
        if self.configuration.tune == "head":
            labelled = EmbeddedViews(gallery.matrix, self.gallery_views)
            if queries is None or self.configuration.approach == "metric":
                return labelled, labelled
            assert self.queries_views is not None
            return labelled, EmbeddedViews(
                np.concatenate([gallery.matrix, queries.matrix]),
                np.concatenate([self.gallery_views, self.queries_views], axis=1),
            )
        paths, steps = gallery.readable.sources, self.backbone.preprocessing
        others = () if queries is None else queries.readable.sources
        return AugmentedPictures(paths, steps), AugmentedPictures([*paths, *others], steps)

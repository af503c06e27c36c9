"""Embeds all the pictures of a run in one way: with one backbone, engine and cache."""

import os
import sys
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from fieldguide.backbones import Backbone, load_backbone
from fieldguide.backbones.adapted import Adapted
from fieldguide.backbones.module import ModuleBackbone
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.embedding import EmbeddingCache, EmbeddingTable, embed, is_embeddings, open_cache
from fieldguide.embedding.table import UNNAMED, Provenance
from fieldguide.engines import Engine, start_engine
from fieldguide.images.preprocessing import Preprocessing
from fieldguide.records import ImageTable
from fieldguide.records.given import GivenPictures, Labels, labelled_pictures, unlabelled_pictures

if TYPE_CHECKING:
    from torch import nn

    from fieldguide.embedding.views import Views

Pictures = ImageTable | EmbeddingTable
BACKBONES = "the name of a backbone, a backbone, or a torch.nn.Module with its preprocessing"


def pictures_of(pictures: Pictures) -> ImageTable:
    """The names, paths and labels of pictures that may be embedded."""
    return pictures.pictures if isinstance(pictures, EmbeddingTable) else pictures


def backbone_of(gallery: Pictures, queries: Pictures, chosen: str) -> str:
    """Name the backbone of a run: the chosen one, but of embeddings from files what these name, or that they do not."""
    given = [one.made_by for one in (gallery, queries) if isinstance(one, EmbeddingTable)]
    files = dict.fromkeys(one.file or "memory" for one in given)
    return given[0].backbone or f"embeddings from {' and '.join(files)}, {UNNAMED}" if given else chosen


class Embedder:
    """Embeds pictures. What it needs for that is loaded when it is first needed.

    Parameters
    ----------
    backbone : by name, or loaded; or a network of your own, a `torch.nn.Module` from normalised pictures
        (n, 3, size, size) to embeddings (n, dim)
    engine : by name; `auto` for the fastest that is installed, and for a network of your own PyTorch
    precision : of the network's arithmetic; for int8 the pictures that are embedded first are the sample to check it by
    preprocessing : how a picture becomes the input of a network of your own; other backbones have theirs
    cache : whether embeddings of earlier runs are used, and those of this run kept
    show : whether to show progress

    Raises
    ------
    TypeError : the backbone is something else, or a network of your own comes without preprocessing, or another with.
    BackboneError : a network of your own cannot be run.
    """

    def __init__(
        self,
        backbone: "str | Backbone | nn.Module" = "efficientnet-lite0",
        engine: str = "auto",
        precision: str = "float32",
        *,
        preprocessing: Preprocessing | None = None,
        cache: bool = True,
        show: bool = True,
    ) -> None:
        self.chosen = _chosen(backbone, preprocessing)
        self.engine_name = "torch" if engine == "auto" and isinstance(self.chosen, ModuleBackbone) else engine
        self.precision = precision
        self.cache, self.show = cache, show
        self.running: tuple[Engine, EmbeddingCache | None] | None = None
        self.seen: Views | None = None

    @cached_property
    def backbone(self) -> Backbone:
        """The network. BackboneError if there is none of that name, or it is not installed."""
        return load_backbone(self.chosen) if isinstance(self.chosen, str) else self.chosen

    def start(self, sample: ImageTable) -> tuple[Engine, EmbeddingCache | None]:
        """Give what runs the backbone, and where its embeddings are kept if they are; one of each for a run.

        Raises
        ------
        BackboneError : there is no such engine, it is not installed, or int8 would harm the sample.
        """
        if self.running is None:
            engine = start_engine(self.engine_name, self.backbone, self.precision, sample.sources)
            self.running = engine, open_cache(self.backbone, engine) if self.cache else None
        return self.running

    def embed(
        self,
        images: "GivenPictures | EmbeddingTable",
        what: str = "embedding",
        *,
        labels: Labels | None = None,
        labelled: bool = False,
    ) -> EmbeddingTable:
        """Embed pictures, unless they are embedded.

        Parameters
        ----------
        images : a path to a folder, a table, a picture or a file of embeddings, an `ImageTable`, a data frame, or a
            sequence of paths, bytes, PIL images or uint8 arrays of shape (H, W) or (H, W, 3)
        what : the progress bar says
        labels : (n,) the class of each picture of a sequence, for a gallery
        labelled : whether a folder, a table or a data frame is a gallery, whose labels are to be kept

        Returns
        -------
        Embeddings of those that can be read, and the reason for each other.

        Raises
        ------
        TypeError : the pictures are something else.
        FieldguideError : there are none, or a table has no such column.
        """
        # Where a head was trained and no more, the base's embeddings are made, or known already, and go through it
        pictures = _pictures(images, labels, labelled=labelled)
        if isinstance(pictures, EmbeddingTable):
            return pictures
        if isinstance(self.backbone, Adapted) and self.backbone.head_alone:
            base = self.base_embedder.embed(pictures, what)
            return replace(base, matrix=self.backbone.adapt(base.matrix), made_by=Provenance.of(self.backbone))
        engine, cache = self.start(pictures)
        return embed(pictures, self.backbone, engine=engine, cache=cache, what=what, show=self.show)

    @cached_property
    def base_embedder(self) -> "Embedder":
        """The same with the backbone that a trained one started from."""
        base = self.backbone.base if isinstance(self.backbone, Adapted) else self.backbone
        return Embedder(base, self.engine_name, self.precision, cache=self.cache, show=self.show)

    def views(self, pictures: ImageTable, n: int, what: str, seed: int = 0) -> Floats:
        """Embed augmented views of pictures that can all be read, (n, len(pictures), dim); each once a run."""
        if self.seen is None or self.seen.seed != seed:
            require("kornia", "looking at pictures in several views")
            from fieldguide.embedding.views import Views

            self.seen = Views(self.backbone, self.start(pictures)[0], seed, show=self.show)
        return self.seen.of(pictures, n, what)

    def check_same(self, gallery: Pictures, queries: Pictures) -> None:
        """Refuse embeddings that cannot be compared, before any work.

        Raises
        ------
        BackboneError : two backbones made them, or they are of two lengths.
        """
        if not isinstance(gallery, EmbeddingTable) and not isinstance(queries, EmbeddingTable):
            return
        by = self._made_by(gallery), self._made_by(queries)
        if by[0] != by[1]:
            known = next(one.made_by.backbone for one in (gallery, queries) if isinstance(one, EmbeddingTable))
            raise BackboneError(
                f"the gallery's embeddings are those of {by[0]}, the queries' those of {by[1]}: "
                f"they cannot be compared; embed both with one --backbone{f', such as {known}' if known else ''}"
            )
        widths = {one.matrix.shape[1] for one in (gallery, queries) if isinstance(one, EmbeddingTable)}
        if len(widths) > 1:
            raise BackboneError("the embeddings of gallery and queries are not of one length: embed both alike")

    def _made_by(self, pictures: Pictures) -> Provenance:
        return pictures.made_by if isinstance(pictures, EmbeddingTable) else Provenance.of(self.backbone)


def _chosen(backbone: "str | Backbone | nn.Module", preprocessing: Preprocessing | None) -> str | Backbone:
    """Make a backbone of a bare module; give others as they are."""
    torch = sys.modules.get("torch")  # who has a module has imported it
    if torch is not None and isinstance(backbone, torch.nn.Module):
        if not isinstance(preprocessing, Preprocessing):
            raise TypeError(
                f"the module {type(backbone).__name__} needs to know how a picture becomes its input: give it "
                "preprocessing=Preprocessing(size, shorter_side, mean, scale)"
            )
        return ModuleBackbone(backbone, preprocessing)
    if preprocessing is not None:
        raise TypeError("preprocessing= is for a torch.nn.Module: a backbone has its own")
    if isinstance(backbone, os.PathLike):
        return os.fspath(backbone)  # a folder that training left
    if not isinstance(backbone, str) and not hasattr(backbone, "network"):
        raise TypeError(f"backbone: not {type(backbone).__name__}, but {BACKBONES}")
    return cast("str | Backbone", backbone)


def _pictures(images: "GivenPictures | EmbeddingTable", labels: Labels | None, *, labelled: bool) -> Pictures:
    if isinstance(images, EmbeddingTable):
        return images
    if isinstance(images, str | os.PathLike) and is_embeddings(Path(images)):
        return EmbeddingTable.read(images)
    if labels is not None or labelled:
        return labelled_pictures(images, labels, what="the pictures")
    return images if isinstance(images, ImageTable) else unlabelled_pictures(images, what="the pictures")

"""Embeds all the pictures of a run in one way: with one backbone, engine and cache."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from fieldguide.backbones import Backbone, load_backbone
from fieldguide.backbones.adapted import Adapted
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import BackboneError
from fieldguide.core.extras import require
from fieldguide.embedding import EmbeddingCache, EmbeddingTable, embed, open_cache
from fieldguide.embedding.table import UNNAMED, Provenance
from fieldguide.engines import Engine, start_engine
from fieldguide.records import ImageTable

if TYPE_CHECKING:
    from fieldguide.embedding.views import Views

Pictures = ImageTable | EmbeddingTable


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
    backbone : by name, or loaded
    engine : by name
    precision : of the network's arithmetic; for int8 the pictures that are embedded first are the sample to check it by
    cache : whether embeddings of earlier runs are used, and those of this run kept
    show : whether to show progress
    """

    def __init__(
        self,
        backbone: str | Backbone,
        engine: str = "auto",
        precision: str = "float32",
        *,
        cache: bool = True,
        show: bool = True,
    ) -> None:
        self.chosen, self.engine_name, self.precision = backbone, engine, precision
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
            engine = start_engine(self.engine_name, self.backbone, self.precision, sample.paths)
            self.running = engine, open_cache(self.backbone, engine) if self.cache else None
        return self.running

    def embed(self, pictures: Pictures, what: str = "embedding") -> EmbeddingTable:
        """Embed pictures, unless they are embedded. `what` is what the progress bar says.

        Where a head was trained and no more, the base's embeddings are made, or known already, and go through it.
        """
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

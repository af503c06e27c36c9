"""What a recipe does to embeddings before its recognizer sees them: several views of a picture, training, or both."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from fieldguide.core.arrays import Floats
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder

VIEWS = 3  # beside the picture as it is


class AdaptedTables(NamedTuple):
    """Gallery and queries for a recognizer.

    Attributes
    ----------
    gallery, queries : their embeddings, adapted or as they were
    before : the same before training learned from the gallery; None where nothing did
    for_default : whether a recognizer that bends the space itself gains by the training too
    note : what else is to be said of how they were made
    """

    gallery: EmbeddingTable
    queries: EmbeddingTable
    before: tuple[EmbeddingTable, EmbeddingTable] | None = None
    for_default: bool = False
    note: str = ""


# Gallery and queries as they are, what made their embeddings, a seed
Adapt = Callable[[EmbeddingTable, EmbeddingTable, Embedder, int], AdaptedTables]


def averaged(gallery: EmbeddingTable, queries: EmbeddingTable, embedder: Embedder, seed: int) -> AdaptedTables:
    """Take for each picture the mean of its embedding and those of augmented views.

    What a crop, a flip or other light changes is not what the picture shows; the mean holds less of it. No label is
    looked at, so that pictures of the gallery lie no nearer to each other than queries do to them.
    """
    of_gallery = embedder.views(gallery.readable, VIEWS, "views of gallery", seed)
    of_queries = embedder.views(queries.readable, VIEWS, "views of queries", seed)
    return AdaptedTables(
        gallery.with_matrix(_mean(gallery.matrix, of_gallery)), queries.with_matrix(_mean(queries.matrix, of_queries))
    )


def trained(training: str, *, average: bool = False) -> Adapt:
    """Make the step that trains a head as `fieldguide train` does, on means of views if so wished."""

    def train_head(gallery: EmbeddingTable, queries: EmbeddingTable, embedder: Embedder, seed: int) -> AdaptedTables:
        from fieldguide.training import configuration, train_on

        how = configuration(training).with_changes(seed=seed)
        tables = averaged(gallery, queries, embedder, seed) if average else AdaptedTables(gallery, queries)
        of_queries = how.views if how.approach != "metric" else 0
        gallery_views = embedder.views(gallery.readable, how.views, "views of gallery", seed)
        queries_views = embedder.views(queries.readable, of_queries, "views of queries", seed)
        with TemporaryDirectory(prefix="fieldguide-") as folder:
            trained = train_on(
                how, tables.gallery, tables.queries, embedder.backbone, Path(folder), gallery_views, queries_views
            )
            backbone = trained.backbone
            if not backbone.widths:
                return tables
            return AdaptedTables(
                gallery.with_matrix(backbone.adapt(tables.gallery.matrix)),
                queries.with_matrix(backbone.adapt(tables.queries.matrix)),
                (tables.gallery, tables.queries),
                backbone.for_default,
            )

    return train_head


def _mean(plain: Floats, views: Floats) -> Floats:
    mean: Floats = (plain + views.sum(axis=0)) / (1 + len(views))
    return mean

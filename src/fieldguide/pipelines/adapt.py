"""What a recipe does to embeddings before its recognizer sees them: several views of a picture, training, or both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fieldguide.core.arrays import Floats
from fieldguide.embedding import Embeddings
from fieldguide.embedding.embedder import Embedder
from fieldguide.records import Catalog
from fieldguide.records.unreadable import Unreadable

VIEWS = 3  # beside the picture as it is


@dataclass(frozen=True)
class Rows:
    """Embeddings for a recognizer.

    Attributes
    ----------
    shots, asked : of the pictures of gallery and queries that could be read
    before : the same before training learned from the gallery; None where nothing did
    for_default : whether a recognizer that bends the space itself gains by the training too
    """

    shots: Floats
    asked: Floats
    before: "Rows | None" = None
    for_default: bool = False


@dataclass(frozen=True)
class Embedded:
    """Gallery and queries as recognizers take them.

    Attributes
    ----------
    gallery : the pictures of it that could be read
    queries : all of them
    shots : (n_gallery, dim) embeddings of the gallery
    asked : the embeddings of the queries
    unreadable : the pictures that could not be read, of both
    from_pictures : whether they were made in this run
    before : other embeddings by which to estimate how many queries are distractors, if these ones mislead
    note : what else is to be said of how they were made
    distractors : (n_distractors, dim) embeddings of gallery pictures labelled as of none of its classes, if wanted
    """

    gallery: Catalog
    queries: Catalog
    shots: Floats
    asked: Embeddings
    unreadable: Sequence[Unreadable]
    from_pictures: bool = True
    before: Rows | None = None
    note: str = ""
    distractors: Floats | None = None

    @property
    def readable_queries(self) -> Catalog:
        """The queries that have embeddings."""
        return self.queries.take(self.asked.rows)


Adapt = Callable[[Embedded, Embedder, int], Rows]  # the embeddings as they are, what made them, a seed


def averaged(both: Embedded, embedder: Embedder, seed: int) -> Rows:
    """Take for each picture the mean of its embedding and those of augmented views.

    What a crop, a flip or other light changes is not what the picture shows; the mean holds less of it. No label is
    looked at, so that pictures of the gallery lie no nearer to each other than queries do to them.
    """
    shots = embedder.views(both.gallery, VIEWS, "views of gallery", seed)
    asked = embedder.views(both.readable_queries, VIEWS, "views of queries", seed)
    return Rows(_mean(both.shots, shots), _mean(both.asked.matrix, asked))


def trained(training: str, *, average: bool = False) -> Adapt:
    """Make the step that trains a head as `fieldguide train` does, on means of views if so wished."""

    def adapt(both: Embedded, embedder: Embedder, seed: int) -> Rows:
        from fieldguide.training import Frozen, configuration, train_on

        how = configuration(training).with_changes(seed=seed)
        rows = averaged(both, embedder, seed) if average else Rows(both.shots, both.asked.matrix)
        of_queries = how.views if how.approach != "metric" else 0
        frozen = Frozen(
            rows.shots,
            both.gallery.labels or (),
            rows.asked,
            embedder.views(both.gallery, how.views, "views of gallery", seed),
            embedder.views(both.readable_queries, of_queries, "views of queries", seed),
        )
        with TemporaryDirectory(prefix="fieldguide-") as folder:
            backbone = train_on(how, frozen, embedder.backbone, Path(folder)).backbone
            shots, asked = backbone.adapt(rows.shots), backbone.adapt(rows.asked)
        return Rows(shots, asked, rows, backbone.for_default) if backbone.widths else rows

    return adapt


def _mean(plain: Floats, views: Floats) -> Floats:
    mean: Floats = (plain + views.sum(axis=0)) / (1 + len(views))
    return mean

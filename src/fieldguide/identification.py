"""The main job: from a gallery and queries on disk to a ranking of labels for every query."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fieldguide.adapting import Embedded, Rows
from fieldguide.answers import Format, RunFacts, write_answers, write_details
from fieldguide.arrays import Floats
from fieldguide.catalog import Catalog, check_gallery, read_gallery, read_queries
from fieldguide.embedder import Embedder, Pictures, catalog_of
from fieldguide.embedding import EmbeddedPictures, Embeddings, is_embeddings, read_embeddings
from fieldguide.embedding.backbones.adapted import is_trained
from fieldguide.errors import CatalogError, FieldguideError
from fieldguide.files import check_writable
from fieldguide.recipes import DEFAULT_RECIPE, RuleOptions, recipe_named, recognizer_for
from fieldguide.recognition import OpenSetRecognizer, Ranking
from fieldguide.unreadable import Unreadable, list_path, unreadable_in, write_unreadable

log = logging.getLogger("fieldguide")

DEFAULT_BACKBONE = "efficientnet-lite0"


@dataclass(frozen=True)
class Settings:
    """What a user may choose of the main job; the defaults need nothing to be known.

    Attributes
    ----------
    recipe : how labels are found
    backbone : what turns pictures into embeddings
    distractors : the rule that calls distractors; None for the recipe's own
    contamination : the share of distractors among the queries, if it is known
    threshold : the similarity below which a query is a distractor, if it is known
    k : labels a query, at most
    seed : of everything random
    engine : what runs the backbone
    precision : of the network's arithmetic
    cache : whether embeddings of earlier runs are used, and those of this run kept
    show : whether to show progress
    """

    recipe: str = DEFAULT_RECIPE
    backbone: str = DEFAULT_BACKBONE
    distractors: str | None = None
    contamination: float | None = None
    threshold: float | None = None
    k: int = 5
    seed: int = 0
    engine: str = "auto"
    precision: str = "float32"
    cache: bool = True
    show: bool = True


@dataclass(frozen=True)
class Identification:
    """All that came of one run.

    Attributes
    ----------
    ranking : of every query; an unreadable one has the unknown label alone
    facts : how, and by what distractors were told apart
    unreadable : the pictures that could not be read, of gallery and queries
    gallery : the pictures that could be read, which `ranking.nearest` counts
    queries : all of them
    shots, asked : embeddings of `gallery`, and of the queries that could be read
    """

    ranking: Ranking
    facts: RunFacts
    unreadable: Sequence[Unreadable]
    gallery: Catalog
    queries: Catalog
    shots: Floats
    asked: Embeddings

    @property
    def account(self) -> str:
        """By what distractors were told apart, in words."""
        return self.facts.account


def identify(
    gallery: str | os.PathLike[str],
    queries: str | os.PathLike[str],
    *,
    recipe: str = DEFAULT_RECIPE,
    backbone: str = DEFAULT_BACKBONE,
    distractors: str | None = None,
    contamination: float | None = None,
    threshold: float | None = None,
    k: int = 5,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = "-1",
    seed: int = 0,
    engine: str = "auto",
    precision: str = "float32",
    cache: bool = True,
    show: bool = True,
) -> Ranking:
    """Identify every query.

    Parameters
    ----------
    gallery : a folder with one subfolder a class, a CSV or Parquet file, or a file of embeddings
    queries : a folder, a CSV or Parquet file, a single picture, or a file of embeddings
    image_column, label_column : the tables' names for them
    unknown : the unknown label
    others : as in `Settings`

    Returns
    -------
    The ranking, its queries named as in `queries`: `for name, labels in ranking`.

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    settings = Settings(
        recipe, backbone, distractors, contamination, threshold, k, seed, engine, precision, cache, show
    )
    form = Format(image_column, label_column, unknown=unknown)
    known, asked = _read_gallery(gallery, form), _read_queries(queries, form)
    return identify_catalogs(known, asked, settings, unknown=unknown).ranking


def identify_catalogs(
    gallery: Pictures, queries: Pictures, settings: Settings, *, unknown: str = "-1"
) -> Identification:
    """Identify the queries of one catalog by the gallery of another, with all that is known of how.

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    CatalogError : no query can be read, or none of the pictures of some class.
    FieldguideError : the settings name something that is not there.
    """
    tell = RuleOptions(settings.contamination, settings.threshold, settings.seed)
    recognizer_for(settings.recipe, settings.distractors, tell)  # mistakes are found before the pictures are embedded
    embedder = Embedder(
        settings.backbone, settings.engine, settings.precision, cache=settings.cache, show=settings.show
    )
    both = adapt(embed_both(gallery, queries, settings, embedder), settings.recipe, embedder, settings.seed)
    known, shots, asked, unreadable = both.gallery, both.shots, both.asked, both.unreadable
    recognizer = fit(both, settings.recipe, settings.distractors, tell)
    ranking = rank(recognizer, both, settings.k)
    account = recognizer.account_ + both.note
    names = catalog_of(queries).images
    ranking = ranking.spread(asked.rows, len(names)).named(names, unknown)
    facts = RunFacts(
        settings.recipe,
        settings.backbone,
        settings.seed,
        account,
        contamination=float(getattr(recognizer, "contamination_", ranking.is_unknown().mean())),
        interval=getattr(recognizer, "contamination_interval_", None) if settings.contamination is None else None,
    )
    return Identification(ranking, facts, unreadable, known, catalog_of(queries), shots, asked)


def embed_both(gallery: Pictures, queries: Pictures, settings: Settings, embedder: Embedder) -> Embedded:
    """Embed gallery and queries as they are.

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    CatalogError : no query can be read, or none of the pictures of some class.
    FieldguideError : the settings name something that is not there, or cannot be had of embeddings alone.
    """
    if settings.k < 1:
        raise FieldguideError(f"-k must be at least 1, not {settings.k}")
    given = isinstance(gallery, EmbeddedPictures) or isinstance(queries, EmbeddedPictures)
    if given and recipe_named(settings.recipe).adapt is not None:
        raise FieldguideError(f"the recipe {settings.recipe} looks at pictures: give it these, not embeddings")
    embedder.check_same(gallery, queries)
    shots = embedder(gallery, "gallery")
    known = _known(shots)
    asked = embedder(queries, "queries")
    unreadable = unreadable_in(shots, "gallery") + unreadable_in(asked, "queries")
    if not asked.embeddings.rows:
        raise CatalogError(f"none of the {len(asked.catalog)} queries can be read ({unreadable[-1].reason})")
    return Embedded(known, asked.catalog, shots.embeddings.matrix, asked.embeddings, unreadable, not given)


def adapt(both: Embedded, recipe: str, embedder: Embedder, seed: int) -> Embedded:
    """Do to embeddings what a recipe does to them before its recognizer sees them.

    A recognizer that bends the space itself, anew for every gallery that it is shown, need not gain by a training, and
    is misled by its space: the gallery's pictures, which have been learned, lie closer together there than queries
    ever lie to them. It is given the embeddings before training, unless held-out classes gained with it too; and then
    these say how many queries are distractors.

    Raises
    ------
    FieldguideError : the backbone is trained already.
    """
    chosen = recipe_named(recipe)
    rows = Rows(both.shots, both.asked.matrix)
    learned = embedder.backbone if both.from_pictures and is_trained(embedder.backbone) else None
    if chosen.adapt is not None:
        if learned:
            raise FieldguideError(f"{learned.name} is trained already: take another recipe with it than {recipe}")
        rows = chosen.adapt(both, embedder, seed)
    elif learned and chosen.own_space:
        shots = embedder.before(both.gallery, "gallery before training")
        others = embedder.before(both.readable_queries, "queries before training")
        before = Rows(shots.embeddings.matrix, others.embeddings.matrix)
        rows = replace(rows, before=before, for_default=learned.for_default)
    asked = replace(both.asked, matrix=rows.asked)
    if not chosen.own_space or rows.before is None:
        return replace(both, shots=rows.shots, asked=asked)
    if rows.for_default:
        note = "; estimated as before training"
        return replace(both, shots=rows.shots, asked=asked, before=rows.before, note=note)
    asked = replace(both.asked, matrix=rows.before.asked)
    return replace(both, shots=rows.before.shots, asked=asked, note="; by the embedding before training")


def fit(both: Embedded, recipe: str, rule: str | None, tell: RuleOptions) -> OpenSetRecognizer:
    """Make the estimator that a recipe and a rule name, and fit it on the gallery: on codes of classes, see `rank`."""
    recognizer, labels = (
        recognizer_for(recipe, rule, tell),
        np.unique(np.array(both.gallery.labels), return_inverse=True)[1],
    )
    if both.before is not None and getattr(recognizer, "contamination", 0.0) is None:
        recognizer.fit(both.before.shots, labels).rank(both.before.asked)
        share = float(getattr(recognizer, "contamination_", 0.0))
        recognizer = recognizer_for(recipe, rule, replace(tell, contamination=share))
    return recognizer.fit(both.shots, labels)


def rank(recognizer: OpenSetRecognizer, both: Embedded, k: int) -> Ranking:
    """Rank labels for the queries by a recognizer that `fit` made.

    It knows classes by their codes: so one may be called `-1`, where the unknown label is called otherwise.
    """
    return replace(recognizer.rank(both.asked.matrix, k), classes=np.unique(np.array(both.gallery.labels)))


def _known(shots: EmbeddedPictures) -> Catalog:
    """The gallery pictures that could be read, of every class at least one."""
    gallery, unreadable = shots.catalog, shots.embeddings.unreadable
    known = gallery.take(shots.embeddings.rows)
    if missing := sorted(set(gallery.shots()) - set(known.shots())):
        row = list(gallery.labels or ()).index(missing[0])
        raise CatalogError(
            f"no picture of class '{missing[0]}' can be read ({gallery.images[row]}: {unreadable[row]})"
            + (f", nor of {len(missing) - 1} other classes" if len(missing) > 1 else "")
        )
    return known


def identify_files(
    gallery: Path,
    queries: Path,
    output: Path,
    settings: Settings,
    *,
    form: Format | None = None,
    details: Path | None = None,
    report: Path | None = None,
) -> Identification:
    """Identify queries and write the answers, with details and a report if asked: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them: `answers.unreadable.csv`.

    Raises
    ------
    FieldguideError : what the user can mend; as much as possible is found out before the pictures are embedded.
    """
    form = form or Format()
    check_writable(output)
    taken = [gallery.resolve(), queries.resolve()]
    for path in filter(None, [output, details, report, list_path(output)]):
        check_writable(path)
        if path.resolve() in taken:
            raise FieldguideError(f"{path} cannot be written: it would overwrite another file of this run")
        taken.append(path.resolve())
    if report:
        from fieldguide.reporting import check_report

        check_report(report)
    known = _read_gallery(gallery, form)
    form.check(catalog_of(known).shots())
    asked = _read_queries(queries, form)
    if report and (isinstance(known, EmbeddedPictures) or isinstance(asked, EmbeddedPictures)):
        raise FieldguideError("a report shows pictures: give it these, not embeddings")
    result = identify_catalogs(known, asked, settings, unknown=form.unknown)
    for source in (gallery, queries):
        if not source.exists():  # the rest of its pictures would be called unreadable
            raise FieldguideError(f"{source} is no longer there: nothing is written, what was embedded is kept")

    write_answers(result.ranking, output, form)
    if details:
        write_details(result.ranking, details, result.gallery.images, result.facts)
    if report:
        from fieldguide.report.page import write_page
        from fieldguide.reporting import run_of

        write_page(run_of(result), report, show=settings.show)
    write_unreadable(result.unreadable, output, form.image_column)
    return result


def _read_gallery(source: str | os.PathLike[str], form: Format) -> Pictures:
    path = Path(source)
    if not is_embeddings(path):
        columns = {"image_column": form.image_column, "label_column": form.label_column}
        return read_gallery(path, **columns, unknown=form.unknown)
    embedded = read_embeddings(path)
    if embedded.catalog.labels is None:
        raise CatalogError(f"{path} has no labels, which a gallery needs: fieldguide embed --gallery keeps them")
    check_gallery(path, embedded.catalog, form.unknown)
    return embedded


def _read_queries(source: str | os.PathLike[str], form: Format) -> Pictures:
    if is_embeddings(Path(source)):
        return read_embeddings(source)
    return read_queries(source, image_column=form.image_column)

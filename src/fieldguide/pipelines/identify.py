"""The main job: from a gallery and queries on disk to a ranking of labels for every query."""

import inspect
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from fieldguide.backbones.adapted import is_trained
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import CatalogError, FieldguideError
from fieldguide.core.outputs import (
    ANSWERS,
    DETAILS,
    REPORT,
    UNREADABLE,
    check_outputs,
    check_overwrites,
    list_path,
)
from fieldguide.core.progress import working
from fieldguide.embedding import EmbeddedPictures, Embeddings, is_embeddings, read_embeddings
from fieldguide.embedding.embedder import Embedder, Pictures, backbone_of, catalog_of
from fieldguide.engines import engine_named
from fieldguide.pipelines.adapt import Embedded, Rows
from fieldguide.pipelines.recipes import DEFAULT_RECIPE, RuleOptions, recipe_named, recognizer_for
from fieldguide.recognition import Ranking, Recognizer
from fieldguide.records import (
    Catalog,
    read_gallery,
    read_queries,
    refuse_repeats,
    without_distractors,
)
from fieldguide.records.answers import Format, RunFacts, write_answers, write_details
from fieldguide.records.overview import log_overview, names_of, warn_of_labels, warn_of_overlap
from fieldguide.records.places import Roots, looked_for
from fieldguide.records.text import normal_form, normal_forms
from fieldguide.records.unreadable import (
    Unreadable,
    UnreadablePictures,
    list_unreadable,
    refuse_unreadable,
    unreadable_in,
    write_unreadable,
)

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
    strict : whether a picture that cannot be read stops the run
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
    strict: bool = False


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

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many queries were identified, how many are unknown, and how many could not be read."""
        unreadable = len(self.queries) - len(self.asked.rows)
        unknown = int(self.ranking.is_unknown().sum()) - unreadable
        return len(self.queries) - unknown - unreadable, unknown, unreadable


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
    image_root: Roots = None,
    strict: bool = False,
) -> Ranking:
    """Identify every query.

    Parameters
    ----------
    gallery : a folder with one subfolder a class, a CSV or Parquet file, or a file of embeddings
    queries : a folder, a CSV or Parquet file, a single picture, or a file of embeddings
    image_column, label_column : the tables' names for them
    unknown : the unknown label; gallery pictures that have it are labelled distractors
    image_root : one or more folders that relative paths in tables may be relative to, instead of to the table
    others : as in `Settings`

    Returns
    -------
    The ranking, its queries named as in `queries`: `for name, labels in ranking`.

    Raises
    ------
    FieldguideError : what the user can mend; the text says how.
    """
    settings = Settings(
        recipe, backbone, distractors, contamination, threshold, k, seed, engine, precision, cache, show, strict
    )
    form = Format(image_column, label_column, unknown=unknown)
    known, asked = _read(gallery, queries, form, image_root)
    result = identify_catalogs(known, asked, settings, unknown=unknown)
    if missing := result.unreadable:
        log.warning("%d pictures could not be read: %s (%s)", len(missing), missing[0].image, missing[0].reason)
    return result.ranking


def identify_catalogs(
    gallery: Pictures, queries: Pictures, settings: Settings, *, unknown: str = "-1"
) -> Identification:
    """Identify the queries of one catalog by the gallery of another, with all that is known of how.

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    CatalogError : no query can be read, or no gallery picture, or in a strict run not all.
    FieldguideError : the settings name something that is not there.
    """
    tell = RuleOptions(settings.contamination, settings.threshold, settings.seed)
    recipe_named(settings.recipe).check_installed(settings.recipe)
    # mistakes are found before the pictures are embedded
    wanted = uses_distractors(recognizer_for(settings.recipe, settings.distractors, tell))
    embedder = Embedder(
        settings.backbone, settings.engine, settings.precision, cache=settings.cache, show=settings.show
    )
    both = embed_both(gallery, queries, settings, embedder, distractors=wanted)
    both = adapt(both, settings.recipe, embedder, settings.seed)
    known, shots, asked, unreadable = both.gallery, both.shots, both.asked, both.unreadable
    with working("recognising", show=settings.show):
        recognizer = fit(both, settings.recipe, settings.distractors, tell)
        ranking = rank(recognizer, both, settings.k)
    account = ranking.rejection_summary + both.note
    names = catalog_of(queries).images
    ranking = ranking.expanded(asked.rows, len(names)).named(names, unknown)
    facts = RunFacts(
        settings.recipe,
        backbone_of(gallery, queries, settings.backbone),
        settings.seed,
        account,
        contamination=ranking.contamination,
        interval=ranking.contamination_interval,
        engine=engine_named(settings.engine, settings.precision) if both.from_pictures else None,
        precision=settings.precision if both.from_pictures else None,
    )
    if not facts.names_backbone:
        log.warning("%s: whether gallery and queries can be compared is not known", facts.made_of)
    return Identification(ranking, facts, unreadable, known, catalog_of(queries), shots, asked)


def embed_both(
    gallery: Pictures, queries: Pictures, settings: Settings, embedder: Embedder, *, distractors: bool = False
) -> Embedded:
    """Embed gallery and queries as they are; a class of which no picture can be read is left out.

    Parameters
    ----------
    distractors : whether labelled distractors of the gallery are of use

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    CatalogError : no query can be read, or no gallery picture, or in a strict run not all.
    FieldguideError : the settings name something that is not there, or cannot be had of embeddings alone.
    """
    if settings.k < 1:
        raise FieldguideError(f"-k must be at least 1, not {settings.k}")
    given = isinstance(gallery, EmbeddedPictures) or isinstance(queries, EmbeddedPictures)
    if given and recipe_named(settings.recipe).adapt is not None:
        raise FieldguideError(f"the recipe {settings.recipe} looks at pictures: give it these, not embeddings")
    embedder.check_same(gallery, queries)
    shots = embedder(gallery, "gallery")
    unreadable = unreadable_in(shots, "gallery")
    if settings.strict:
        refuse_unreadable(unreadable)
    known = _known(shots, unreadable)
    others = _distractors(shots, gallery, embedder, wanted=distractors)
    unreadable += unreadable_in(others, "gallery") if others else []
    asked = embedder(queries, "queries")
    missing = unreadable_in(asked, "queries")
    unreadable += missing
    if not asked.embeddings.rows:
        raise _none_of("queries", asked.catalog, missing, unreadable)
    if settings.strict:
        refuse_unreadable(unreadable)
    both = Embedded(known, asked.catalog, shots.embeddings.matrix, asked.embeddings, unreadable, not given)
    return replace(both, distractors=others.embeddings.matrix) if others and others.embeddings.rows else both


def _distractors(
    shots: EmbeddedPictures, gallery: Pictures, embedder: Embedder, *, wanted: bool
) -> EmbeddedPictures | None:
    """Embed the pictures that a gallery says are of none of its classes, if it has any and they are of use."""
    there = catalog_of(gallery).distractors
    if there is None:
        return None
    if not wanted:
        log.warning("%d labelled distractors are left out: this recipe and rule have no use for them", len(there))
        return None
    return shots.distractors if isinstance(gallery, EmbeddedPictures) else embedder(there, "distractors")


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
    plain = rows
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
    if rows is not plain and both.distractors is not None:  # which were not adapted
        log.warning("%d labelled distractors are left out: they are of no use after a training", len(both.distractors))
        both = replace(both, distractors=None)
    asked = replace(both.asked, matrix=rows.asked)
    if not chosen.own_space or rows.before is None:
        return replace(both, shots=rows.shots, asked=asked)
    if rows.for_default:
        note = "; estimated as before training"
        return replace(both, shots=rows.shots, asked=asked, before=rows.before, note=note)
    asked = replace(both.asked, matrix=rows.before.asked)
    return replace(both, shots=rows.before.shots, asked=asked, note="; by the embedding before training")


def fit(both: Embedded, recipe: str, rule: str | None, tell: RuleOptions) -> Recognizer:
    """Make the estimator that a recipe and a rule name, and fit it on the gallery: on codes of classes, see `rank`."""
    recognizer, labels = (
        recognizer_for(recipe, rule, tell),
        np.unique(np.array(both.gallery.labels), return_inverse=True)[1],
    )
    if both.before is not None and getattr(recognizer, "contamination", 0.0) is None:
        share = recognizer.fit(both.before.shots, labels).rank(both.before.asked).contamination
        recognizer = recognizer_for(recipe, rule, replace(tell, contamination=share))
    if both.distractors is not None and uses_distractors(recognizer):
        fit_with: Any = recognizer.fit  # takes more than the protocol says
        return cast("Recognizer", fit_with(both.shots, labels, distractors=both.distractors))
    return recognizer.fit(both.shots, labels)


def rank(recognizer: Recognizer, both: Embedded, k: int) -> Ranking:
    """Rank labels for the queries by a recognizer that `fit` made.

    It knows classes by their codes: so one may be called `-1`, where the unknown label is called otherwise.
    """
    return replace(recognizer.rank(both.asked.matrix, k), classes=np.unique(np.array(both.gallery.labels)))


def uses_distractors(recognizer: Recognizer) -> bool:
    """Whether a recognizer learns from pictures that are known to be of no class."""
    return "distractors" in inspect.signature(recognizer.fit).parameters


def _known(shots: EmbeddedPictures, unreadable: Sequence[Unreadable]) -> Catalog:
    """The gallery pictures that could be read; a class without any is named.

    Raises
    ------
    UnreadablePictures : none could.
    """
    gallery = shots.catalog
    known = gallery.take(shots.embeddings.rows)
    if not known:
        raise _none_of("gallery pictures", gallery, unreadable, unreadable)
    if missing := sorted(set(gallery.shots()) - set(known.shots())):
        row = list(gallery.labels or ()).index(missing[0])
        log.warning(
            "no picture can be read of %d of %d classes, which no query is given: %s (%s: %s)",
            *(len(missing), len(gallery.shots()), names_of(missing)),
            *(gallery.images[row], shots.embeddings.unreadable[row]),
        )
    return known


def _none_of(
    what: str, catalog: Catalog, missing: Sequence[Unreadable], unreadable: Sequence[Unreadable]
) -> UnreadablePictures:
    first = looked_for(catalog.paths[0], catalog.images[0])
    reason = missing[0].reason
    return UnreadablePictures(
        f"none of the {len(catalog):,} {what} can be read ({reason}); the first was {first}", unreadable
    )


def identify_files(
    gallery: Path,
    queries: Path,
    output: Path,
    settings: Settings,
    *,
    form: Format | None = None,
    details: Path | None = None,
    report: Path | None = None,
    image_root: Roots = None,
) -> Identification:
    """Identify queries and write the answers, with details and a report if asked: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them: `answers.unreadable.csv`.

    Raises
    ------
    FieldguideError : what the user can mend; as much as possible is found out before the pictures are embedded.
    """
    form = form or Format()
    written = [(output, ANSWERS), (details, DETAILS), (report, REPORT), (list_path(output), UNREADABLE)]
    check_outputs(written, [gallery, queries])
    if report:
        from fieldguide.pipelines.report import check_report

        check_report()
    known, asked = _read(gallery, queries, form, image_root)
    form.check(catalog_of(known).shots())
    check_overwrites([path for path, _ in written if path], [*catalog_of(known).paths, *catalog_of(asked).paths])
    if report and (isinstance(known, EmbeddedPictures) or isinstance(asked, EmbeddedPictures)):
        raise FieldguideError("a report shows pictures: give it these, not embeddings")
    with list_unreadable(output, form.image_column):
        result = identify_catalogs(known, asked, settings, unknown=form.unknown)
    for source in (gallery, queries):
        if not source.exists():  # the rest of its pictures would be called unreadable
            raise FieldguideError(f"{source} is no longer there: nothing is written, what was embedded is kept")

    write_answers(result.ranking, output, form)
    if details:
        write_details(result.ranking, details, result.gallery.images, result.facts)
    if report:
        from fieldguide.pipelines.report import run_of
        from fieldguide.report.page import write_page

        write_page(run_of(result), report, show=settings.show)
    write_unreadable(result.unreadable, output, form.image_column)
    return result


def _read(
    gallery: str | os.PathLike[str], queries: str | os.PathLike[str], form: Format, image_root: Roots
) -> tuple[Pictures, Pictures]:
    """Read gallery and queries, be they pictures or embeddings, and say what they hold."""
    known, asked = _read_gallery(gallery, form, image_root), _read_queries(queries, form, image_root)
    log_overview(catalog_of(known), catalog_of(asked))
    if isinstance(known, Catalog) and isinstance(asked, Catalog):
        warn_of_overlap(Path(gallery), Path(queries), known, asked)
    return known, asked


def _read_gallery(source: str | os.PathLike[str], form: Format, image_root: Roots) -> Pictures:
    path = Path(source)
    if not is_embeddings(path):
        columns = {"image_column": form.image_column, "label_column": form.label_column}
        return read_gallery(path, **columns, unknown=form.unknown, image_root=image_root)
    embedded = read_embeddings(path)
    if embedded.catalog.labels is None:
        raise CatalogError(f"{path} has no labels, which a gallery needs: fieldguide embed --gallery keeps them")
    whole = replace(embedded.catalog, labels=normal_forms(embedded.catalog.labels))
    refuse_repeats(path, whole)
    warn_of_labels(path, whole)
    catalog = without_distractors(path, whole, form.unknown)
    if catalog.distractors is None:
        return replace(embedded, catalog=catalog)
    is_known = np.array(whole.labels) != normal_form(form.unknown)
    known, others = (
        replace(embedded.embeddings, rows=range(int(rows.sum())), matrix=embedded.embeddings.matrix[rows])
        for rows in (is_known, ~is_known)
    )
    distractors = replace(embedded, catalog=catalog.distractors, embeddings=others)
    return replace(embedded, catalog=catalog, embeddings=known, distractors=distractors)


def _read_queries(source: str | os.PathLike[str], form: Format, image_root: Roots) -> Pictures:
    if is_embeddings(Path(source)):
        embedded = read_embeddings(source)
        refuse_repeats(Path(source), embedded.catalog)
        return embedded
    return read_queries(source, image_column=form.image_column, image_root=image_root)

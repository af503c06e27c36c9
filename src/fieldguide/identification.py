"""The main job: from a gallery and queries on disk to a ranking of labels for every query."""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from fieldguide.answers import Format, RunFacts, write_answers, write_details, write_table
from fieldguide.arrays import Floats
from fieldguide.catalog import Catalog, read_gallery, read_queries
from fieldguide.embedding import Embeddings, embed, load_backbone, open_store, start_engine
from fieldguide.errors import CatalogError, FieldguideError
from fieldguide.files import check_writable
from fieldguide.recipes import DEFAULT_RECIPE, RuleOptions, recipe_named, recognizer_for
from fieldguide.recognition import Ranking

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
    cache: bool = True
    show: bool = True


@dataclass(frozen=True)
class Unreadable:
    """A picture that could not be read, as the user named it, and why."""

    image: str
    part: str
    reason: str


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
    cache: bool = True,
    show: bool = True,
) -> Ranking:
    """Identify every query.

    Parameters
    ----------
    gallery : a folder with one subfolder a class, or a CSV or Parquet file
    queries : a folder, a CSV or Parquet file, or a single picture
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
    settings = Settings(recipe, backbone, distractors, contamination, threshold, k, seed, engine, cache, show)
    known = read_gallery(gallery, image_column=image_column, label_column=label_column, unknown=unknown)
    asked = read_queries(queries, image_column=image_column)
    return identify_catalogs(known, asked, settings, unknown=unknown).ranking


def identify_catalogs(gallery: Catalog, queries: Catalog, settings: Settings, *, unknown: str = "-1") -> Identification:
    """Identify the queries of one catalog by the gallery of another, with all that is known of how.

    Raises
    ------
    CatalogError : no query can be read, or none of the pictures of some class.
    FieldguideError : the settings name something that is not there.
    """
    if settings.k < 1:
        raise FieldguideError(f"-k must be at least 1, not {settings.k}")
    tell = RuleOptions(settings.contamination, settings.threshold, settings.seed)
    recognizer = recognizer_for(settings.recipe, settings.distractors, tell)
    both = embed_both(gallery, queries, settings)
    known, shots, asked, unreadable = both.gallery, both.shots, both.asked, both.unreadable
    recognizer.fit(shots, np.array(known.labels))
    ranking = recognizer.rank(asked.matrix, settings.k)
    ranking = ranking.spread(asked.rows, len(queries)).named(queries.images, unknown)
    facts = RunFacts(
        settings.recipe,
        settings.backbone,
        settings.seed,
        recognizer.account_,
        contamination=float(getattr(recognizer, "contamination_", ranking.is_unknown().mean())),
        interval=getattr(recognizer, "contamination_interval_", None) if settings.contamination is None else None,
    )
    return Identification(ranking, facts, unreadable, known, queries, shots, asked)


@dataclass(frozen=True)
class Embedded:
    """Gallery and queries as recognizers take them.

    Attributes
    ----------
    gallery : the pictures of it that could be read
    shots : (n_gallery, dim) their embeddings
    asked : the embeddings of the queries
    unreadable : the pictures that could not be read, of both
    """

    gallery: Catalog
    shots: Floats
    asked: Embeddings
    unreadable: Sequence[Unreadable]


def embed_both(gallery: Catalog, queries: Catalog, settings: Settings) -> Embedded:
    """Embed gallery and queries, by the backbone as the recipe adapts it to them, if it does.

    Raises
    ------
    CatalogError : no query can be read, or none of the pictures of some class.
    FieldguideError : the settings name something that is not there.
    """
    backbone = load_backbone(settings.backbone)
    with TemporaryDirectory(prefix="fieldguide-") as folder:
        adapt = recipe_named(settings.recipe).adapt
        if adapt is not None:
            backbone = adapt(gallery, queries, backbone, Path(folder))
        engine = start_engine(settings.engine, backbone)
        store = open_store(backbone, engine) if settings.cache else None
        shots = embed(gallery, backbone, engine=engine, store=store, what="gallery", show=settings.show)
        unreadable = _report(gallery, shots, "gallery")
        known = gallery.take(shots.rows)
        if missing := sorted(set(gallery.shots()) - set(known.shots())):
            row = list(gallery.labels or ()).index(missing[0])
            raise CatalogError(
                f"no picture of class '{missing[0]}' can be read ({gallery.images[row]}: {shots.unreadable[row]})"
                + (f", nor of {len(missing) - 1} other classes" if len(missing) > 1 else "")
            )
        asked = embed(queries, backbone, engine=engine, store=store, what="queries", show=settings.show)
    unreadable += _report(queries, asked, "queries")
    if not asked.rows:
        raise CatalogError(f"none of the {len(queries)} queries can be read ({unreadable[-1].reason})")
    return Embedded(known, shots.matrix, asked, unreadable)


def _report(catalog: Catalog, embeddings: Embeddings, part: str) -> list[Unreadable]:
    return [Unreadable(catalog.images[row], part, reason) for row, reason in embeddings.unreadable.items()]


def identify_files(
    gallery: Path,
    queries: Path,
    output: Path,
    settings: Settings,
    *,
    form: Format | None = None,
    details: Path | None = None,
) -> Identification:
    """Identify queries and write the answers: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them: `answers.unreadable.csv`.

    Raises
    ------
    FieldguideError : what the user can mend; as much as possible is found out before the pictures are embedded.
    """
    form = form or Format()
    check_writable(output)
    unreadable_list = output.with_suffix(".unreadable.csv")
    taken = [gallery.resolve(), queries.resolve()]
    for path in filter(None, [output, details, unreadable_list]):
        check_writable(path)
        if path.resolve() in taken:
            raise FieldguideError(f"{path} cannot be written: it would overwrite another file of this run")
        taken.append(path.resolve())
    known = read_gallery(gallery, image_column=form.image_column, label_column=form.label_column, unknown=form.unknown)
    form.check(known.shots())
    asked = read_queries(queries, image_column=form.image_column)
    result = identify_catalogs(known, asked, settings, unknown=form.unknown)

    write_answers(result.ranking, output, form)
    if details:
        write_details(result.ranking, details, result.gallery.images, result.facts)
    if result.unreadable:
        rows = [(item.image, item.part, item.reason) for item in result.unreadable]
        write_table(unreadable_list, (form.image_column, "part", "reason"), rows)
        log.warning(
            "%d pictures could not be read and are listed in %s: %s (%s)%s",
            len(rows),
            unreadable_list,
            rows[0][0],
            rows[0][2],
            ", …" if len(rows) > 1 else "",
        )
    else:
        unreadable_list.unlink(missing_ok=True)  # of an earlier run
    return result

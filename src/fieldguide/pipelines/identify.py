"""The main job: from a gallery and queries on disk to a ranking of labels for every query."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from fieldguide.core.errors import FieldguideError
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
from fieldguide.discovery import Discovery, discover
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder, Pictures, backbone_of, pictures_of
from fieldguide.engines import engine_named
from fieldguide.pipelines.adapt import AdaptedTables
from fieldguide.pipelines.embed import embed_both
from fieldguide.pipelines.inputs import Given, read_inputs
from fieldguide.pipelines.matching import AUTO, check_matching, match_scores
from fieldguide.pipelines.recipes import DEFAULT_RECIPE, RuleOptions, recipe_named, recognizer_for
from fieldguide.pipelines.recognise import adapt, fit, neighbourhood_for, rank, uses_distractors
from fieldguide.recognition import Ranking
from fieldguide.recognition.encounters import ENOUGH, answered_by_encounter
from fieldguide.records.answers import Format
from fieldguide.records.columns import PictureColumns
from fieldguide.records.given import Labels
from fieldguide.records.groups import check_no_group
from fieldguide.records.places import Roots
from fieldguide.records.unreadable import list_unreadable, write_unreadable
from fieldguide.records.write_back import written_back_as
from fieldguide.report.details import RunFacts
from fieldguide.report.expectation import expectation_in_words, poor_expectation
from fieldguide.report.result import IdentificationResult

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
    name_above : the probability below which no query is named, 0 to 1: the unknown label goes first in its answer, the
        other labels after it in their order, all with the probabilities that they had. None names by order alone
    discover : whether queries that are probably unknown are grouped into new classes; None to do so where the recipe
        has a graph of the queries anyway, so that it takes little time
    by_encounter : whether all queries of an encounter get one answer
    matching : what compares pictures by their local features besides: `auto` for the best that is installed, `off`, or
        a matcher by name
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
    name_above: float | None = None
    discover: bool | None = None
    by_encounter: bool = False
    matching: str = AUTO

    def __post_init__(self) -> None:
        if self.k < 1:
            raise FieldguideError(f"-k must be at least 1, not {self.k}")
        if self.name_above is not None and not 0 <= self.name_above <= 1:
            raise FieldguideError(f"--name-above is a probability from 0 to 1, not {self.name_above}")


def identify(
    gallery: Given,
    queries: Given,
    *,
    labels: Labels | None = None,
    recipe: str = DEFAULT_RECIPE,
    backbone: str = DEFAULT_BACKBONE,
    distractors: str | None = None,
    contamination: float | None = None,
    threshold: float | None = None,
    name_above: float | None = None,
    discover: bool | None = None,
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
    columns: PictureColumns | None = None,
    by_encounter: bool = False,
    matching: str = AUTO,
) -> IdentificationResult:
    """Identify every query.

    Parameters
    ----------
    gallery : the path of a folder with one subfolder a class, of a CSV or Parquet file, or of a file of embeddings; an
        `ImageTable`, an `EmbeddingTable` or a data frame; or a sequence of paths, bytes, PIL images or uint8 arrays of
        shape (H, W) or (H, W, 3), with `labels`
    queries : the same without labels; a path may be that of a single picture too
    labels : (n,) the class of each picture of the gallery, where it is a sequence
    image_column, label_column : the tables' and data frames' names for them
    unknown : the unknown label; gallery pictures that have it are labelled distractors
    image_root : one or more folders that relative paths in tables may be relative to, instead of to the table
    columns : the tables' and data frames' names for boxes, masks and encounters, if they are not the usual ones, and
        the margin
    others : as in `Settings`

    Returns
    -------
    The answers, named as in `queries`, pictures in memory by their numbers: `for name, labels in result`.

    Raises
    ------
    TypeError : gallery or queries are something else; the text names what is taken.
    ValueError : there is not one label for each picture of the gallery.
    FieldguideError : what the user can mend; the text says how.
    """
    settings = Settings(
        *(recipe, backbone, distractors, contamination, threshold, k, seed, engine, precision, cache, show, strict),
        name_above=name_above,
        discover=discover,
        by_encounter=by_encounter,
        matching=matching,
    )
    form = Format(image_column, label_column, unknown=unknown, columns=columns or PictureColumns())
    tables = read_inputs(gallery, queries, form, image_root, labels)
    result = identify_pictures(*tables, settings, unknown=unknown)
    if missing := result.unreadable:
        log.warning("%d pictures could not be read: %s (%s)", len(missing), missing[0].image, missing[0].reason)
    return result


def identify_pictures(
    gallery: Pictures, queries: Pictures, settings: Settings, *, unknown: str = "-1"
) -> IdentificationResult:
    """Identify the queries of one table by the gallery of another.

    Raises
    ------
    BackboneError : gallery and queries were embedded by two backbones.
    RecordsError : no query can be read, or no gallery picture, or in a strict run not all.
    FieldguideError : the settings name something that is not there.
    """
    options = RuleOptions(settings.contamination, settings.threshold, settings.seed)
    recipe = recipe_named(settings.recipe)
    recipe.check_installed(settings.recipe)
    if settings.name_above is not None or settings.by_encounter:
        recipe.check_probabilities(settings.recipe)
    if settings.by_encounter and pictures_of(queries).encounters is None:
        raise FieldguideError(
            "--by-encounter: the queries have no encounters: they are in a table's column 'encounter', or in the one "
            "that --encounter-column names"
        )
    # mistakes are found before the pictures are embedded
    planned = recognizer_for(settings.recipe, settings.distractors, options)
    wanted = uses_distractors(planned)
    given = isinstance(gallery, EmbeddingTable) or isinstance(queries, EmbeddingTable)
    if given and recipe.adapt is not None:
        raise FieldguideError(f"the recipe {settings.recipe} looks at pictures: give it these, not embeddings")
    check_matching(settings.matching, settings.recipe, planned, given=given)
    embedder = Embedder(
        settings.backbone, settings.engine, settings.precision, cache=settings.cache, show=settings.show
    )
    tables = embed_both(gallery, queries, embedder, strict=settings.strict, distractors=wanted)
    adapted = adapt(*tables, settings.recipe, embedder, settings.seed)
    matches, unmatched = match_scores(
        *(settings.matching, planned, adapted.gallery, adapted.queries), cache=settings.cache, show=settings.show
    )
    with working("recognising", show=settings.show):
        recognizer = fit(adapted, settings.recipe, settings.distractors, options)
        encounters = adapted.queries.readable.individual_numbers()
        if settings.by_encounter and encounters is not None:
            every = rank(recognizer, adapted, max(settings.k, ENOUGH), matches)
            ranking = answered_by_encounter(every, encounters, settings.k)
        else:
            ranking = rank(recognizer, adapted, settings.k, matches)
    explanation = "\n".join(filter(None, [unmatched, ranking.explanation]))
    if explanation:
        log.info("%s", explanation)
    if settings.name_above is not None:
        ranking = ranking.named_above(settings.name_above)
    found = _discover(ranking, adapted, settings)
    names, rows = adapted.queries.pictures.images, adapted.queries.rows
    ranking = (found.ranking if found else ranking).expanded(rows, len(names)).named(names, unknown)
    grouped = found.classes if found else ()
    new_classes = [replace(one, members=[rows[member] for member in one.members]) for one in grouped]
    facts = RunFacts(
        settings.recipe,
        backbone_of(gallery, queries, settings.backbone),
        settings.seed,
        ranking.rejection_summary + adapted.note,
        contamination=ranking.contamination,
        interval=ranking.contamination_interval,
        engine=None if given else engine_named(settings.engine, settings.precision),
        precision=None if given else settings.precision,
        name_above=settings.name_above,
        expected=ranking.expected,
        explanation=explanation,
    )
    if not facts.names_backbone:
        log.warning("%s: whether gallery and queries can be compared is not known", facts.made_of)
    _log_expectation(facts)
    return IdentificationResult(
        ranking, adapted.gallery, adapted.queries, facts, new_classes, found.number if found else None
    )


def _discover(ranking: Ranking, adapted: AdaptedTables, settings: Settings) -> Discovery | None:
    """Group the queries that are probably unknown, if it is wanted; by the graph of another recognizer if need be."""
    neighbourhood = ranking.neighbourhood
    if settings.discover is False or (settings.discover is None and neighbourhood is None):
        return None
    with working("grouping", show=settings.show):
        return discover(
            ranking,
            neighbourhood or neighbourhood_for(adapted, settings.seed),
            adapted.queries.readable.individual_numbers(),
        )


def _log_expectation(facts: RunFacts) -> None:
    """Say before any answer what is to be expected of the answers, and complain where that is poor."""
    if facts.expected is None:
        return
    if words := expectation_in_words(facts.expected, facts.name_above, "your gallery"):
        log.info("expected, %s", words)
    if poor := poor_expectation(facts.expected):
        log.warning("%s", poor)


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
    name_new: bool = False,
    write_back: Path | None = None,
) -> IdentificationResult:
    """Identify queries and write the answers, with details and a report if wanted: what the command line does.

    Beside `output` lies, if some pictures could not be read, the list of them: `answers.unreadable.csv`. With
    `name_new` the answers have the name of a query's new class in place of the unknown label. With `write_back` queries
    of COCO JSON or Camtrap DP are written there with the answers in them.

    Raises
    ------
    FieldguideError : what the user can mend; as much as possible is found out before the pictures are embedded.
    """
    form = form or Format()
    written = [(output, ANSWERS), (details, DETAILS), (report, REPORT), (list_path(output), UNREADABLE)]
    inputs = [gallery, queries]
    if write_back:
        kind, sources = written_back_as(queries)
        written, inputs = [*written, (write_back, kind)], [*inputs, *sources]
    check_outputs(written, inputs)
    if report:
        from fieldguide.report.data import check_report  # which loads what draws

        check_report()
    known, query_images = read_inputs(gallery, queries, form, image_root)
    form.check(pictures_of(known).shots())
    if name_new:
        if settings.discover is False:
            raise FieldguideError("--new-classes name writes groups, which --no-discover does not make: leave one away")
        settings = replace(settings, discover=True)
        check_no_group(pictures_of(known).shots())
    check_overwrites(
        [path for path, _ in written if path], [*pictures_of(known).paths, *pictures_of(query_images).paths]
    )
    if report and (isinstance(known, EmbeddingTable) or isinstance(query_images, EmbeddingTable)):
        raise FieldguideError("a report shows pictures: give it these, not embeddings")
    with list_unreadable(output, form.image_column):
        result = identify_pictures(known, query_images, settings, unknown=form.unknown)
    for source in (gallery, queries):
        if not source.exists():  # the rest of its pictures would be called unreadable
            raise FieldguideError(f"{source} is no longer there: nothing is written, what was embedded is kept")

    result.write_answers(output, form, name_new=name_new)
    if write_back:
        result.write_back(queries, write_back, form, name_new=name_new)
    if details:
        result.write_details(details)
    if report:
        result.report(report, show=settings.show)
    write_unreadable(result.unreadable, output, form.image_column)
    return result

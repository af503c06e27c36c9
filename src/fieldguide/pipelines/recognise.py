"""From embeddings to a ranking, as a recipe says: adapt them, fit the recognizer, rank the queries."""

import inspect
import logging
from dataclasses import replace
from typing import Any, cast

import numpy as np

from fieldguide.backbones.adapted import Adapted, is_trained
from fieldguide.core.errors import FieldguideError
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder
from fieldguide.pipelines.adapt import AdaptedTables
from fieldguide.pipelines.recipes import RuleOptions, recipe_named, recognizer_for
from fieldguide.recognition import OpenSetClassifier, Ranking, Recognizer, TransductiveClassifier
from fieldguide.recognition.neighbourhood import Neighbourhood

log = logging.getLogger("fieldguide")


def uses_distractors(recognizer: Recognizer) -> bool:
    """Whether a recognizer learns from pictures that are known to be of no class."""
    if isinstance(recognizer, OpenSetClassifier):  # a rule decides, and rules need no examples
        return False
    return "distractors" in inspect.signature(recognizer.fit).parameters


def adapt(
    gallery: EmbeddingTable, queries: EmbeddingTable, recipe: str, embedder: Embedder, seed: int
) -> AdaptedTables:
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
    adapted = AdaptedTables(gallery, queries)
    made_here = gallery.made_by.in_this_run and queries.made_by.in_this_run
    learned: Adapted | None = None
    if made_here and is_trained(embedder.backbone):
        learned = embedder.backbone
    if chosen.adapt is not None:
        if learned:
            raise FieldguideError(f"{learned.name} is trained already: take another recipe with it than {recipe}")
        adapted = chosen.adapt(gallery, queries, embedder, seed)
    elif learned and chosen.own_space:
        base = embedder.base_embedder
        before = (
            gallery.with_matrix(base.embed(gallery.readable, "gallery before training").matrix),
            queries.with_matrix(base.embed(queries.readable, "queries before training").matrix),
        )
        adapted = AdaptedTables(gallery.with_matrix(gallery.matrix), queries, before, learned.for_default)
    if gallery.distractors is not None and adapted.gallery.distractors is None:  # which were not adapted
        n = len(gallery.distractors)
        log.warning("%d labelled distractors are left out: they are of no use after a training", n)
    if not chosen.own_space or adapted.before is None:
        return adapted._replace(before=None)
    if adapted.for_default:
        return adapted._replace(note="; estimated as before training")
    return AdaptedTables(*adapted.before, note="; by the embedding before training")


def fit(adapted: AdaptedTables, recipe: str, rule: str | None, options: RuleOptions) -> Recognizer:
    """Make the estimator that a recipe and a rule name, and fit it on the gallery: on codes of classes, see `rank`."""
    recognizer, gallery = recognizer_for(recipe, rule, options), adapted.gallery
    codes = np.unique(np.array(gallery.labels), return_inverse=True)[1]
    if adapted.before is not None and getattr(recognizer, "contamination", 0.0) is None:
        before, before_queries = adapted.before
        share = recognizer.fit(before.matrix, codes).rank(before_queries.matrix).contamination
        recognizer = recognizer_for(recipe, rule, replace(options, contamination=share))
    more: dict[str, Any] = {}  # than the protocol says
    if gallery.distractors is not None and len(gallery.distractors) and uses_distractors(recognizer):
        more["distractors"] = gallery.distractors.matrix
    encounters = gallery.readable.encounter_numbers()
    if encounters is not None and "encounters" in inspect.signature(recognizer.fit).parameters:
        more["encounters"] = encounters
    fit_with: Any = recognizer.fit
    return cast("Recognizer", fit_with(gallery.matrix, codes, **more))


def rank(recognizer: Recognizer, adapted: AdaptedTables, k: int, matches: Any = None) -> Ranking:
    """Rank labels for the queries by a recognizer that `fit` made, and by match scores if there are any.

    It knows classes by their codes: so one may be called `-1`, where the unknown label is called otherwise.
    """
    rank_with: Any = recognizer.rank  # may take more than the protocol says
    more = {} if matches is None else {"matches": matches}
    ranking: Ranking = rank_with(adapted.queries.matrix, k, **more)
    return replace(ranking, classes=np.unique(np.array(adapted.gallery.labels)))


def neighbourhood_for(adapted: AdaptedTables, seed: int) -> Neighbourhood:
    """Give the graph of the queries, for the answers of a recognizer that has none: that of the default recognizer."""
    codes = np.unique(np.array(adapted.gallery.labels), return_inverse=True)[1]
    ranking = TransductiveClassifier(seed=seed).fit(adapted.gallery.matrix, codes).rank(adapted.queries.matrix)
    assert ranking.neighbourhood is not None
    return ranking.neighbourhood

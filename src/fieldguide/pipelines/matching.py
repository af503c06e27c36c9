"""The step between embedding and recognition that compares pictures by their local features, where it may be of use."""

import inspect
import logging
from typing import Any

import numpy as np

from fieldguide.core.errors import FieldguideError
from fieldguide.core.progress import working
from fieldguide.embedding import EmbeddingTable
from fieldguide.matching import DescribedPictures, describe_pictures, load_matcher, nearest_matches, verified_scores
from fieldguide.matching.registry import can_match, matcher_names
from fieldguide.recognition import OpenSetClassifier, Recognizer
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.match_gate import why_off

log = logging.getLogger("fieldguide")

AUTO, OFF, DEFAULT_MATCHER = "auto", "off", "sift"
MOST_PICTURES = 20_000  # that `auto` matches: some five minutes of two cores; a matcher by name takes any number
LEAST_CLASSES = 5  # of several pictures; fewer do not show what a match is worth


def check_matching(choice: str, recipe: str, recognizer: Recognizer, *, given: bool) -> None:
    """Refuse, before any work, a matching that cannot be.

    Parameters
    ----------
    choice : `auto`, `off` or the name of a matcher
    recipe, recognizer : what the scores would be for
    given : whether there are embeddings in place of pictures

    Raises
    ------
    FieldguideError : there is no such matcher, it is not installed, or the recipe has no use for match scores.
    """
    if choice in (AUTO, OFF):
        return
    if choice not in matcher_names():
        raise FieldguideError(f"unknown matcher '{choice}': choose one of {', '.join((AUTO, OFF, *matcher_names()))}")
    if not uses_matches(recognizer):
        raise FieldguideError(f"--matching {choice} has no use with this recipe and rule ({recipe}): leave it out")
    if given:
        raise FieldguideError(f"--matching {choice} looks at pictures: give it these, not embeddings")
    load_matcher(choice)


def uses_matches(recognizer: Recognizer) -> bool:
    """Whether a recognizer makes use of match scores."""
    if isinstance(recognizer, OpenSetClassifier):
        return False
    return "matches" in inspect.signature(recognizer.rank).parameters


def match_scores(
    choice: str, recognizer: Recognizer, gallery: EmbeddingTable, queries: EmbeddingTable, *, cache: bool, show: bool
) -> tuple[Any, str]:
    """Score pairs of pictures by their local features.

    Parameters
    ----------
    choice : as in `check_matching`
    recognizer : what the scores are for
    gallery, queries : whose pictures have embeddings
    cache : whether local features of earlier runs are used, and those of this run kept
    show : whether to show progress

    Returns
    -------
    (n, n) CSR, symmetric, of the gallery's pictures, then the queries, or None; and in words why there are none, where
    that is worth a word. `auto` looks at the queries only where matches tell the gallery's own classes apart.
    """
    n = len(gallery) + len(queries)
    given = not (gallery.made_by.in_this_run and queries.made_by.in_this_run)
    if choice == OFF or given or not uses_matches(recognizer):
        return None, ""
    in_doubt = choice == AUTO
    if in_doubt:
        choice = DEFAULT_MATCHER
        if not can_match(choice):
            return None, "matching: off, OpenCV is not installed"
        shots = np.unique(np.array(gallery.labels), return_counts=True)[1]
        if (shots > 1).sum() < LEAST_CLASSES:
            return None, "matching: off, too few classes have several pictures to learn from what a match is worth"
        if n > MOST_PICTURES:
            return (
                None,
                f"matching: off, as there are more than {MOST_PICTURES:,} pictures; --matching sift asks for it",
            )
    matcher = load_matcher(choice)
    described = describe_pictures(
        gallery.readable, matcher, cache=cache, what="local features of the gallery", show=show
    )
    if in_doubt and (reason := _why_off(recognizer, gallery, queries, described)):
        return None, reason
    described = described.joined(
        describe_pictures(queries.readable, matcher, cache=cache, what="local features of the queries", show=show)
    )
    with working("matching", show=show):
        return verified_scores(described, nearest_matches(described)), ""


def _why_off(
    recognizer: Recognizer, gallery: EmbeddingTable, queries: EmbeddingTable, described: DescribedPictures
) -> str:
    """Say why matching is of no use with this gallery, by its pictures alone; nothing where it may be of use."""
    seed = getattr(recognizer, "seed", 0)
    rows = np.arange(len(gallery))
    pictures = CentredRows.about_their_centre(gallery.matrix, queries.matrix, seed).of(rows)
    codes = np.unique(np.array(gallery.labels), return_inverse=True)[1]
    encounters = gallery.readable.encounter_numbers()
    scores = verified_scores(described, nearest_matches(described))
    return why_off(pictures, codes, rows if encounters is None else encounters, scores, seed)

"""Recipes side by side: the same embeddings for all, one line a recipe on a board."""

import logging
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fieldguide.backbones import fingerprint
from fieldguide.core.arrays import Floats
from fieldguide.core.errors import FieldguideError
from fieldguide.core.outputs import BOARD, check_outputs, check_overwrites
from fieldguide.core.progress import working
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder
from fieldguide.evaluation.leaderboard import Result, add_to_board, read_board, score
from fieldguide.evaluation.tasks import Task, simulated_tasks
from fieldguide.evaluation.truth import read_truth, resolve_labels
from fieldguide.pipelines.embed import embed_both
from fieldguide.pipelines.identify import DEFAULT_BACKBONE, Settings
from fieldguide.pipelines.recipes import (
    PROBABILITY,
    RECIPES,
    RULES,
    RuleOptions,
    recipe_named,
    recognizer_for,
)
from fieldguide.pipelines.recognise import adapt, fit, rank, uses_distractors
from fieldguide.recognition import Ranking, Recognizer
from fieldguide.records import read_both
from fieldguide.records.columns import PictureColumns
from fieldguide.records.places import Roots

log = logging.getLogger("fieldguide")

SIMULATED = 3  # tasks cut from the gallery, where there is no truth
# What the scores may depend on: those that are installed are written down
LIBRARIES = (
    "fieldguide", "numpy", "scipy", "scikit-learn", "openTSNE", "torch", "openvino", "onnxruntime", "kornia",
    "pytorch-metric-learning", "xgboost", "hdbscan", "evoc",
)  # fmt: skip
EVERY = "all"  # of the recipes, or of a recipe's rules


class ScoredTask(NamedTuple):
    """One task as a recipe sees it, and which of its queries count.

    Attributes
    ----------
    gallery, queries : their embeddings
    scored : (n_scored,) rows of the queries that are scored
    """

    gallery: EmbeddingTable
    queries: EmbeddingTable
    scored: Sequence[int]


def compare(
    gallery: str | os.PathLike[str],
    queries: str | os.PathLike[str],
    truth: str | os.PathLike[str] | None = None,
    *,
    recipes: Sequence[str] | None = None,
    board: str | os.PathLike[str] | None = None,
    again: bool = False,
    backbone: str = DEFAULT_BACKBONE,
    k: int = 5,
    image_column: str = "image",
    label_column: str = "label",
    unknown: str = "-1",
    seed: int = 0,
    engine: str = "auto",
    show: bool = True,
    image_root: Roots = None,
    columns: PictureColumns | None = None,
    strict: bool = False,
) -> list[Result]:
    """Run recipes on the same embeddings and score them.

    Parameters
    ----------
    gallery, queries, image_column, label_column, unknown, backbone, k, seed, engine, show, image_root, columns,
        strict : as `identify` takes them
    truth : a CSV or Parquet file with the true labels, the unknown label for distractors; only the scoring sees it.
        Without it, tasks are cut from the gallery: classes held out and shots hidden among the queries
    recipes : names; `cosine+hdbscan` for another distractor rule than the recipe's own, `cosine+all` for every rule.
        Those that look at embeddings alone unless given; `all` for every recipe
    board : a file of JSON lines; runs that are on it are not repeated, new ones are added
    again : whether to repeat them

    Returns
    -------
    A result a recipe, in the order given; one that failed has a `failure` and no scores.

    Raises
    ------
    FieldguideError : what the user can mend in what is common to all recipes.
    """
    without_training = [name for name, recipe in RECIPES.items() if recipe.adapt is None]
    names = list(dict.fromkeys(_run_names(recipes or without_training)))
    path = None if board is None else Path(board)
    check_outputs([(path, BOARD)], [Path(gallery), Path(queries), None if truth is None else Path(truth)])
    on_board = [] if path is None else read_board(path)
    names_of = {"image_column": image_column, "label_column": label_column, "unknown": unknown}
    gallery_pictures, query_pictures = read_both(gallery, queries, **names_of, image_root=image_root, columns=columns)
    check_overwrites([path] if path else [], [*gallery_pictures.paths, *query_pictures.paths])
    settings = Settings(backbone=backbone, k=k, seed=seed, engine=engine, show=show, strict=strict)
    matched = [] if truth is None else read_truth(Path(truth), query_pictures.images, image_column, label_column)
    labels = resolve_labels([label for _, label in matched], gallery_pictures.shots(), unknown)
    embedder = Embedder(backbone, engine, show=show)
    if truth is None and max(gallery_pictures.shots().values(), default=0) < 2:
        raise FieldguideError(
            f"{gallery}: without --truth tasks are cut from the gallery, and every class has one picture alone: "
            "give the true labels with --truth"
        )
    of_use = any(uses_distractors(_recognizer(name, seed)) for name in names)
    gallery_table, query_table = embed_both(
        gallery_pictures, query_pictures, embedder, strict=strict, distractors=of_use
    )
    tasks = [ScoredTask(gallery_table, query_table, [row for row, _ in matched])]
    if truth is None:
        cuts = simulated_tasks(gallery_table.labels or (), SIMULATED, seed=seed, unknown=unknown)
        tasks = [_simulated(gallery_table, query_table, cut) for cut in cuts]
        labels = [label for cut in cuts for label in cut.truth]
    task = _digest(gallery_table, query_table, labels, simulated=truth is None)
    arguments = {
        "backbone": backbone,
        "fingerprint": fingerprint(embedder.backbone),
        "engine": engine,
        "k": k,
        "unknown": unknown,
        "seed": seed,
        "truth": "simulated" if truth is None else "given",
    }

    results = []
    versions = _versions()
    for name in names:
        result = Result(name, task, arguments=arguments, versions=versions)
        earlier = [one for one in on_board if one.same_run(result)]
        if earlier and not again:
            results.append(earlier[-1])
            continue
        if before := [one for one in on_board if one.same_question(result)]:
            why = result.changed_since(before[-1])
            log.warning("%s is on the board and is run again: %s", name, why or "on request")
        try:
            answers, distractor_score, summary, seconds = _answer(name, tasks, settings, embedder, unknown)
        except FieldguideError as error:
            results.append(replace(result, failure=str(error)))
            continue
        except (ArithmeticError, ValueError, RuntimeError, MemoryError, np.linalg.LinAlgError) as error:
            # What a library stumbles over in one recipe must not take the others' results with it
            log.debug("%s failed", name, exc_info=True)
            reason = (str(error).splitlines() or [""])[0]
            results.append(replace(result, failure=f"failed on these pictures: {type(error).__name__}: {reason}"))
            continue
        scores = score(answers, labels, distractor_score, k=k, unknown=unknown, seed=seed)
        result = replace(result, summary=summary, scores=scores | seconds)
        results.append(result)
        if path:
            add_to_board(path, result)
    return results


def _versions() -> dict[str, str]:
    found = {}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[library] = version(library)
    return found


def _run_names(words: Iterable[str]) -> Iterable[str]:
    """Give the names of runs; every rule for `all`.

    Raises
    ------
    FieldguideError : there is no such recipe or rule.
    """
    for word in words:
        if word == EVERY:
            yield from RECIPES
            continue
        recipe, plus, rule = word.partition("+")
        chosen = recipe_named(recipe)
        rules = [PROBABILITY] * (chosen.open is not None) + [name for name in RULES if name != "none"]
        for name in rules if rule == EVERY else [rule]:
            recognizer_for(recipe, name if plus else None, RuleOptions())  # mistakes are found before any work
            yield recipe if name in ("", chosen.rule) else f"{recipe}+{name}"


def _recognizer(name: str, seed: int) -> Recognizer:
    recipe, _, rule = name.partition("+")
    return recognizer_for(recipe, rule or None, RuleOptions(seed=seed))


def _answer(
    name: str, tasks: Sequence[ScoredTask], settings: Settings, embedder: Embedder, unknown: str
) -> tuple[list[list[str]], Floats, str, dict[str, float]]:
    """Answer all tasks by one recipe. The truth is no parameter: nothing here can see it.

    Returns
    -------
    The answers to all queries that count, their distractor scores, how distractors were told apart, and seconds.
    """
    recipe, _, rule = name.partition("+")
    answers: list[list[str]] = []
    scores: list[Floats] = []
    summary, train, answer = "", 0.0, 0.0
    for task in tasks:
        start = time.perf_counter()
        adapted = adapt(task.gallery, task.queries, recipe, embedder, settings.seed)
        with working(f"recognising by {name}", show=settings.show):
            recognizer = fit(adapted, recipe, rule or None, RuleOptions(seed=settings.seed))
            train += time.perf_counter() - start
            start = time.perf_counter()
            ranking: Ranking = rank(recognizer, adapted, settings.k)
            answer += time.perf_counter() - start
        ranking = ranking.expanded(task.queries.rows, len(task.queries.pictures)).named((), unknown)
        answers += [ranking.labels(row) for row in task.scored]
        scores.append(ranking.distractor_score[list(task.scored)])
        summary = ranking.rejection_summary + adapted.note
    return answers, np.concatenate(scores), summary, {"seconds to train": train, "seconds to answer": answer}


def _simulated(gallery: EmbeddingTable, queries: EmbeddingTable, cut: Task) -> ScoredTask:
    """Hide the queries of a task among the real ones, which are not scored: so recipes meet them as in earnest."""
    hidden = gallery.take(cut.queries.tolist())
    return ScoredTask(gallery.take(cut.gallery.tolist()), hidden.joined(queries), range(len(hidden)))


def _digest(gallery: EmbeddingTable, queries: EmbeddingTable, labels: Sequence[str], *, simulated: bool) -> str:
    """Name the task: 16 hex digits of embeddings, labels and truth."""
    digest = sha256(f"{list(gallery.labels or ())} {list(labels)} {simulated}".encode(errors="surrogateescape"))
    for table in gallery, queries, gallery.distractors:
        if table is not None:
            digest.update(np.ascontiguousarray(table.matrix).tobytes())
    return digest.hexdigest()[:16]

"""Recipes side by side: the same embeddings for all, one line a recipe on a board."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import numpy as np

from fieldguide.adapting import Embedded
from fieldguide.arrays import Floats
from fieldguide.catalog import Catalog, read_gallery, read_queries
from fieldguide.catalog.tables import read_columns
from fieldguide.embedder import Embedder
from fieldguide.embedding import Embeddings
from fieldguide.errors import AnswersError, FieldguideError
from fieldguide.evaluation.leaderboard import Result, add_to_board, read_board, score
from fieldguide.evaluation.tasks import Task, simulated_tasks
from fieldguide.evaluation.truth import match_truth
from fieldguide.files import check_writable
from fieldguide.identification import DEFAULT_BACKBONE, Settings, adapt, embed_both, fit, rank
from fieldguide.recipes import PROBABILITY, RECIPES, RULES, RuleOptions, recipe_named, recognizer_for
from fieldguide.recognition import Ranking

SIMULATED = 3  # tasks cut from the gallery, where there is no truth
LIBRARIES = ("fieldguide", "numpy", "scikit-learn", "openTSNE")
EVERY = "all"  # of the recipes, or of a recipe's rules


@dataclass(frozen=True)
class Sitting:
    """One task as a recipe sees it, and which of its queries count.

    Attributes
    ----------
    both : gallery and queries
    counted : (n_counted,) rows of the queries that are scored
    """

    both: Embedded
    counted: Sequence[int]


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
) -> list[Result]:
    """Run recipes on the same embeddings and score them.

    Parameters
    ----------
    gallery, queries, image_column, label_column, unknown, backbone, k, seed, engine, show : as `identify` takes them
    truth : a CSV or Parquet file with the true labels, the unknown label for distractors; only the scoring sees it.
        Without it, tasks are cut from the gallery: classes held out and shots hidden among the queries
    recipes : names; `cosine+hdbscan` for another distractor rule than the recipe's own, `cosine+all` for every rule.
        Those that look at embeddings alone unless given; `all` for every recipe
    board : a file of JSON lines; runs that are on it are not repeated, new ones are added
    again : whether to repeat them

    Returns
    -------
    A result a recipe, in the order asked for; one that failed has a `failure` and no scores.

    Raises
    ------
    FieldguideError : what the user can mend in what is common to all recipes.
    """
    frozen = [name for name, recipe in RECIPES.items() if recipe.adapt is None]
    entries = list(dict.fromkeys(_entries(recipes or frozen)))
    path = None if board is None else Path(board)
    if path:
        check_writable(path)
    known = [] if path is None else read_board(path)
    shown = read_gallery(gallery, image_column=image_column, label_column=label_column, unknown=unknown)
    asked = read_queries(queries, image_column=image_column)
    settings = Settings(backbone=backbone, k=k, seed=seed, engine=engine, show=show)
    places, labels = ([], []) if truth is None else _read_truth(Path(truth), asked, image_column, label_column)
    embedder = Embedder(backbone, engine, show=show)
    whole = embed_both(shown, asked, settings, embedder)
    sittings = [Sitting(whole, places)]
    if truth is None:
        tasks = simulated_tasks(whole.gallery.labels or (), SIMULATED, seed=seed, unknown=unknown)
        sittings, labels = _simulate(whole, tasks), [label for task in tasks for label in task.truth]
    task = _digest(whole, labels, simulated=truth is None)
    arguments = {"backbone": backbone, "k": k, "seed": seed, "truth": "simulated" if truth is None else "given"}

    results = []
    versions = {library: version(library) for library in LIBRARIES}
    for name in entries:
        result = Result(name, task, arguments=arguments, versions=versions)
        earlier = [one for one in known if one.same_run(result)]
        if earlier and not again:
            results.append(earlier[-1])
            continue
        try:
            answers, distractor_score, account, seconds = _sit(name, sittings, settings, embedder, unknown)
        except FieldguideError as error:
            results.append(replace(result, failure=str(error)))
            continue
        scores = score(answers, labels, distractor_score, k=k, unknown=unknown, seed=seed)
        result = replace(result, account=account, scores=scores | seconds)
        results.append(result)
        if path:
            add_to_board(path, result)
    return results


def _entries(words: Iterable[str]) -> Iterable[str]:
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
            recognizer_for(recipe, name if plus else None, RuleOptions())
            yield recipe if name in ("", chosen.rule) else f"{recipe}+{name}"


def _sit(
    name: str, sittings: Sequence[Sitting], settings: Settings, embedder: Embedder, unknown: str
) -> tuple[list[list[str]], Floats, str, dict[str, float]]:
    """Answer all tasks by one recipe. The truth is no parameter: nothing here can see it.

    Returns
    -------
    The answers to all queries that count, their distractor scores, by what distractors were told apart, and seconds.
    """
    recipe, _, rule = name.partition("+")
    answers: list[list[str]] = []
    scores: list[Floats] = []
    account, train, answer = "", 0.0, 0.0
    for sitting in sittings:
        start = time.perf_counter()
        both = adapt(sitting.both, recipe, embedder, settings.seed)
        recognizer = fit(both, recipe, rule or None, RuleOptions(seed=settings.seed))
        train += time.perf_counter() - start
        start = time.perf_counter()
        ranking: Ranking = rank(recognizer, both, settings.k)
        answer += time.perf_counter() - start
        ranking = ranking.spread(both.asked.rows, len(both.queries)).named((), unknown)
        answers += [ranking.labels(row) for row in sitting.counted]
        scores.append(ranking.distractor_score[list(sitting.counted)])
        account = recognizer.account_ + both.note
    return answers, np.concatenate(scores), account, {"seconds to train": train, "seconds to answer": answer}


def _read_truth(path: Path, queries: Catalog, image_column: str, label_column: str) -> tuple[list[int], list[str]]:
    """Give which queries have a true label, and the label of each."""
    images, labels = read_columns(path, [image_column, label_column])
    if len(set(images)) != len(images):
        raise AnswersError(f"{path}: a picture is listed twice")
    matched = match_truth(queries.images, dict(zip(images, labels, strict=True)))
    if not matched:
        raise AnswersError(f"{path} holds no rows: there is nothing to score")
    return [place for place, _ in matched], [label for _, label in matched]


def _simulate(whole: Embedded, tasks: Sequence[Task]) -> list[Sitting]:
    """Hide what a task asks among the real queries, which are not scored: recipes meet them as they will in earnest."""
    sittings = []
    asked, gallery, queries = whole.asked, whole.gallery, whole.queries
    for task in tasks:
        hidden, n = gallery.take(task.queries.tolist()), len(task.queries)
        among = Catalog([*hidden.images, *queries.images], [*hidden.paths, *queries.paths])
        embeddings = Embeddings(
            [*range(n), *(n + row for row in asked.rows)],
            np.concatenate([whole.shots[task.queries], asked.matrix]),
            {n + row: reason for row, reason in asked.unreadable.items()},
        )
        shown = gallery.take(task.gallery.tolist())
        both = Embedded(shown, among, whole.shots[task.gallery], embeddings, whole.unreadable)
        sittings.append(Sitting(both, range(n)))
    return sittings


def _digest(both: Embedded, labels: Sequence[str], *, simulated: bool) -> str:
    """Name the task: 16 hex digits of embeddings, labels and truth."""
    digest = sha256(f"{list(both.gallery.labels or ())} {list(labels)} {simulated}".encode(errors="surrogateescape"))
    for matrix in both.shots, both.asked.matrix:
        digest.update(np.ascontiguousarray(matrix).tobytes())
    return digest.hexdigest()[:16]

"""Recipes side by side: the table, the board, and that nothing but the scoring sees the truth."""

import json
from dataclasses import replace

import numpy as np
import pytest

import fieldguide
from fieldguide.backbones import fingerprint, load_backbone
from fieldguide.core.errors import FieldguideError, RecordsError
from fieldguide.embedding import EmbeddingTable
from fieldguide.embedding.embedder import Embedder
from fieldguide.embedding.views import Views
from fieldguide.evaluation.leaderboard import Result, read_board, score, table
from fieldguide.evaluation.tasks import cut_task, simulated_tasks
from fieldguide.pipelines import compare as comparison
from fieldguide.pipelines import recipes
from fieldguide.pipelines.adapt import VIEWS, AdaptedTables, trained
from fieldguide.pipelines.recipes import RECIPES, Recipe
from fieldguide.recognition import CosineClassifier, TransductiveClassifier
from fieldguide.records import read_queries

QUICK = "cosine+threshold,logistic+threshold,transductive"


@pytest.fixture(scope="module")
def first(task, done, tmp_path_factory):
    """A comparison of three recipes on a board; gives the board and what was said."""
    board = tmp_path_factory.mktemp("board") / "board.jsonl"
    words = ("compare", task.gallery, task.queries, "--truth", task.truth_file, "--board", board)
    return board, words, done(*words, "--recipes", QUICK)


def test_the_table_has_a_line_a_recipe_the_best_marked(first):
    _, _, outcome = first
    header, _, *rows = [line for line in outcome.out.splitlines() if line.startswith("|")]
    columns = [cell.strip() for cell in header.split("|")][1:-1]
    names = ["names right", "known named rightly", "distractors named"]
    scores = ["mAP@5", "public", "private", "closed-set", *names, "AUROC"]
    assert columns == ["", "recipe", *scores, "seconds to train", "seconds to answer"]
    cells = [[cell.strip() for cell in row.split("|")][1:-1] for row in rows]
    assert sorted(row[1] for row in cells) == sorted(QUICK.split(","))
    assert [row[0] for row in cells] == ["**best**", "", ""]
    scores = [float(row[2].split()[0]) for row in cells]
    assert scores == sorted(scores, reverse=True)
    assert not outcome.complaints


def test_scores_are_those_of_identify_and_evaluate(first, task, done, tmp_path):
    board, _, _ = first
    details = tmp_path / "details.parquet"
    answers = tmp_path / "answers.csv"
    done("identify", task.gallery, task.queries, "-o", answers, "--details", details)
    scores = json.loads(done("evaluate", details, task.truth_file, "--json").out)
    (result,) = [one for one in read_board(board) if one.recipe == "transductive"]
    assert result.scores["mAP@5"] == pytest.approx(tuple(scores["mAP@5"]))
    assert result.scores["AUROC"] == pytest.approx(tuple(scores["AUROC"]))
    n = len(task.truth)
    public = round(0.3 * n)
    both = (public * result.scores["public"] + (n - public) * result.scores["private"]) / n
    assert both == pytest.approx(result.scores["mAP@5"][0])


def test_the_closed_set_score_is_of_known_queries_and_does_not_ask_what_was_rejected():
    answers = [["-1", "a", "b"], ["a", "-1", "b"], ["a", "b", "-1"]]
    scores = score(answers, ["a", "b", "-1"], np.zeros(3), k=3, unknown="-1", seed=0)
    assert scores["mAP@3"][0] == pytest.approx((1 / 2 + 1 / 3 + 1 / 3) / 3)
    assert scores["closed-set"] == pytest.approx((1 + 1 / 2) / 2)
    assert "closed-set" not in score([["-1"]], ["-1"], np.zeros(1), k=3, unknown="-1", seed=0)


def test_a_board_without_the_scores_of_names_is_read_as_it_is(few, done, tmp_path):
    board = tmp_path / "board.jsonl"
    words = "compare", few.gallery, few.queries, "--truth", few.truth_file, "--board", board, "--recipes"
    done(*words, "cosine+none")
    line = json.loads(board.read_text())
    assert line["distractors named"] == 1
    for name in "names right", "known named rightly", "distractors named":
        del line[name]
    board.write_text(json.dumps(line) + "\n")
    out = done(*words, "cosine+none,cosine+threshold").out
    assert len(board.read_text().splitlines()) == 2
    assert [row.count("–") for row in out.splitlines() if "cosine+none" in row] == [3]


def test_the_board_keeps_what_made_the_scores(first):
    board, _, _ = first
    lines = [json.loads(line) for line in board.read_text().splitlines()]
    assert [line["recipe"] for line in lines] == QUICK.split(",")
    assert len({line["task"] for line in lines}) == 1
    for line in lines:
        arguments = line["arguments"]
        assert arguments.pop("fingerprint") == fingerprint(load_backbone("efficientnet-lite0"))
        names = {"backbone": "efficientnet-lite0", "engine": "auto", "unknown": "-1"}
        assert arguments == {**names, "k": 5, "seed": 0, "truth": "given"}
        assert line["versions"]["fieldguide"] == fieldguide.__version__
        assert len(line["mAP@5"]) == 3
        assert line["summary"]


def test_what_is_on_the_board_is_not_run_again_unless_asked(first, done, monkeypatch):
    board, words, outcome = first
    before = board.read_text()

    def refuse(*_: object) -> None:
        raise AssertionError("it was run again")

    with monkeypatch.context() as patch:
        patch.setattr(comparison, "_answer", refuse)
        assert done(*words, "--recipes", QUICK).out == outcome.out
    assert board.read_text() == before
    done(*words, "--recipes", "cosine+threshold,cosine+none", "--again")
    added = board.read_text().removeprefix(before).splitlines()
    assert [json.loads(line)["recipe"] for line in added] == ["cosine+threshold", "cosine+none"]


def test_scores_of_other_versions_are_not_taken_for_those_of_these(few, done, tmp_path):
    board = tmp_path / "board.jsonl"
    words = (
        "compare",
        few.gallery,
        few.queries,
        "--truth",
        few.truth_file,
        "--board",
        board,
        "--recipes",
        "cosine+none",
    )
    done(*words)
    line = json.loads(board.read_text())
    now = line["versions"]["numpy"]
    line["versions"]["numpy"] = "1.0"
    board.write_text(json.dumps(line) + "\n")
    said = done(*words)
    assert f"cosine+none is on the board and is run again: numpy 1.0 is now {now}" in said.err
    assert len(board.read_text().splitlines()) == 2
    assert "run again" not in done(*words).err
    assert len(board.read_text().splitlines()) == 2


def test_a_line_that_was_cut_is_named_and_goes(few, done, tmp_path):
    board = tmp_path / "board.jsonl"
    words = ("compare", few.gallery, few.queries, "--truth", few.truth_file, "--board", board, "--recipes")
    done(*words, "cosine+none,cosine+threshold")
    first, second = board.read_text().splitlines()
    board.write_text(first + "\n" + second[:40])  # killed while writing
    assert "line 2: cut while it was written; its run is repeated" in done(*words, "cosine+threshold").err
    assert [json.loads(line)["recipe"] for line in board.read_text().splitlines()] == [
        "cosine+none",
        "cosine+threshold",
    ]
    board.write_text(first)  # whole, but for its end
    done(*words, "cosine+threshold")
    assert [one.recipe for one in read_board(board)] == ["cosine+none", "cosine+threshold"]


def test_a_recipe_that_fails_leaves_the_others_their_scores(few, done, monkeypatch):
    class Stumbles(CosineClassifier):
        def fit(self, X, y):
            raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setitem(RECIPES, "spy", Recipe("threshold", closed=lambda _: Stumbles()))
    said = done("compare", few.gallery, few.queries, "--truth", few.truth_file, "--recipes", "spy,cosine+none").out
    assert "spy: failed on these pictures: LinAlgError: Singular matrix" in said
    assert "| cosine+none" in said


def test_one_picture_a_class_gives_no_task_to_simulate(few, table, refused, tmp_path):
    rows = [(path, path.parent.name) for path in sorted(few.gallery.glob("*/0.png"))]
    gallery = table(tmp_path / "one.csv", [("image", "label"), *rows])
    said = refused("compare", gallery, few.queries)
    assert said.endswith("every class has one picture alone: give the true labels with --truth")


BAD_TRUTH = {
    "other pictures": ([("elsewhere.png", "dots")], "1 of 1 pictures in the truth are not answered"),
    "a picture twice": ([("a.png", "dots"), ("a.png", "rings")], "a picture is listed twice"),
    "no rows": ([], "holds no rows: there is nothing to score"),
}


@pytest.mark.parametrize("case", BAD_TRUTH)
def test_a_truth_that_cannot_be_used_is_named_before_any_work(case, few, table, refused, tmp_path):
    rows, said = BAD_TRUTH[case]
    truth = table(tmp_path / "t.csv", [("image", "label"), *rows])
    line = refused("compare", few.gallery, few.queries, "--truth", truth)
    assert line.startswith(f"fieldguide: {truth}")
    assert said in line


@pytest.mark.parametrize("adapt", [None, trained("metric-report"), trained("hybrid", average=True)])
def test_another_truth_changes_scores_and_no_answer(adapt, few, monkeypatch):
    """Nothing but the scoring sees the truth: neither what is trained or fitted nor what is asked depends on it."""
    seen = []

    class Spy(CosineClassifier):
        def fit(self, X, y):
            seen.append((X.tobytes(), list(y)))
            return super().fit(X, y)

        def rank(self, X, k=5):
            ranking = super().rank(X, k)
            seen.append((X.tobytes(), ranking.codes.tobytes()))
            return ranking

    monkeypatch.setitem(recipes.RECIPES, "spy", Recipe("threshold", closed=lambda _: Spy(), adapt=adapt))
    wrong = few.folder / "wrong.csv"
    names = sorted(few.truth)
    turned = [few.truth[name] for name in names[1:] + names[:1]]
    wrong.write_text("image,label\n" + "".join(f"{name},{label}\n" for name, label in zip(names, turned, strict=True)))
    scores = []
    for truth in few.truth_file, wrong:
        (result,) = fieldguide.compare(few.gallery, few.queries, truth, recipes=["spy"], show=False)
        scores.append(result.scores["mAP@5"][0])
    wrong.unlink()
    half = len(seen) // 2
    assert half == 2
    assert seen[:half] == seen[half:]
    assert scores[0] != scores[1]


def test_without_truth_tasks_are_simulated_and_it_is_said(task, done):
    outcome = done("compare", task.gallery, task.queries, "--recipes", "cosine+threshold")
    assert "without --truth: scores of 3 tasks simulated from the gallery" in outcome.out
    assert "cosine+threshold" in outcome.out


def test_all_rules_on_one_recipe_in_one_call_and_a_missing_extra_is_a_line(task, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "evoc", None)
    results = fieldguide.compare(task.gallery, task.queries, task.truth_file, recipes=["cosine+all"], show=False)
    by_name = {one.recipe: one for one in results}
    assert list(by_name) == ["cosine+threshold", "cosine", "cosine+dbscan-embedding", "cosine+hdbscan", "cosine+evoc"]
    assert by_name["cosine"].scores["AUROC"][0] > 0.9
    failed = by_name["cosine+evoc"]
    assert failed.failure == "the rule evoc is not installed: pip install 'fieldguide[evoc]'"
    assert table(results)[-1] == f"cosine+evoc: {failed.failure}"


def test_a_failure_is_not_kept_on_the_board(few, done, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "xgboost", None)
    board = tmp_path / "board.jsonl"
    outcome = done(
        "compare", few.gallery, few.queries, "--truth", few.truth_file, "--board", board, "--recipes", "xgboost"
    )
    assert "xgboost: the recipe xgboost is not installed" in outcome.out
    assert not board.exists()


def test_a_recipe_may_adapt_the_embeddings_to_the_pictures(few, done, monkeypatch, tmp_path):
    seen = []

    def adapt(gallery: EmbeddingTable, queries: EmbeddingTable, embedder: Embedder, seed: int) -> AdaptedTables:
        seen.append((len(gallery), len(queries), embedder.backbone.name, queries.labels, seed))
        return AdaptedTables(gallery, queries)

    monkeypatch.setitem(RECIPES, "other", Recipe("threshold", closed=lambda _: CosineClassifier(), adapt=adapt))
    results = fieldguide.compare(
        few.gallery, few.queries, few.truth_file, recipes=["cosine+threshold", "other"], show=False, seed=3
    )
    assert seen == [(8, 7, "efficientnet-lite0", None, 3)]
    one, other = (result.scores for result in results)
    assert other["mAP@5"] == one["mAP@5"]  # as the embeddings are the same
    done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", "--recipe", "other")
    assert len(seen) == 2


def test_views_are_embedded_once_for_all_recipes(few, monkeypatch):
    made, means = [], []
    embed = Views._embed

    def count(self, paths, n_views, what):
        made.extend(paths)
        return embed(self, paths, n_views, what)

    class Spy(TransductiveClassifier):
        def rank(self, X, k=5):
            means.append(X)
            return super().rank(X, k)

    monkeypatch.setattr(Views, "_embed", count)
    for name in "views", "hybrid":
        monkeypatch.setitem(RECIPES, name, replace(RECIPES[name], open=lambda _: Spy()))
    recipes = ["views", "simclr-report+threshold", "hybrid"]
    results = fieldguide.compare(few.gallery, few.queries, few.truth_file, recipes=recipes, show=False)
    assert not any(result.failure for result in results)
    assert len(made) == len(set(made)) == 15
    catalog = read_queries(few.queries)
    embedder = Embedder("efficientnet-lite0", show=False)
    every = [embedder.embed(catalog, "").matrix, *embedder.views(catalog, VIEWS, "")]
    assert np.allclose(means[0], np.mean(every, axis=0), atol=1e-4)
    assert np.array_equal(means[0], means[-1]) or "before training" not in results[-1].summary
    assert np.abs(every[0] - means[0]).max() > 0.01


def test_all_is_a_word_for_every_recipe(few, monkeypatch):
    def fail(name: str, *_: object) -> None:
        raise FieldguideError(name)

    monkeypatch.setattr(comparison, "_answer", fail)
    results = fieldguide.compare(few.gallery, few.queries, few.truth_file, recipes=["all"], show=False)
    assert [result.failure for result in results] == list(RECIPES)


@pytest.mark.long
@pytest.mark.parametrize("recipe", ["views", "metric-report", "simclr-report", "metric", "simclr", "hybrid"])
def test_trained_recipes_run(recipe, task):
    pytest.importorskip("pytorch_metric_learning")
    (result,) = fieldguide.compare(task.gallery, task.queries, task.truth_file, recipes=[recipe], show=False)
    assert not result.failure
    assert result.scores["mAP@5"][0] > 0.3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--recipes", "cosine,best"], "unknown recipe 'best'"),
        (["--recipes", "cosine+svm"], "unknown distractor rule 'svm'"),
        (["--recipes", "cosine+probability"], "the recipe cosine has no probabilities"),
        (["--truth", "gone.csv"], "no such file: gone.csv"),
        (["--board", "."], "is a folder"),
    ],
)
def test_mistakes_are_found_before_the_pictures_are_embedded(options, said, few, refused):
    assert said in refused("compare", few.gallery, few.queries, *options)


def test_a_file_that_is_no_board_is_refused(few, refused, tmp_path):
    board = tmp_path / "board.jsonl"
    board.write_text('{"recipe": "cosine"}\n')
    line = refused("compare", few.gallery, few.queries, "--board", board)
    assert line == f"fieldguide: {board}, line 1: not a line of a board; name another with --board"


def test_failures_alone_make_a_table_too():
    assert table([Result("xgboost", "t", failure="is not installed")]) == ["xgboost: is not installed"]


# --- tasks ---------------------------------------------------------------------------------------------------------

LABELS = [f"{number:02}" for number in range(30) for _ in range(10)]


def test_a_cut_keeps_to_what_it_was_told():
    task = cut_task(LABELS, seed=1, shots=3, known=0.5, distractors=0.4, most=5)
    labels = np.array(LABELS)
    shown = labels[task.gallery]
    assert len(set(shown)) == 15
    assert (np.unique(shown, return_counts=True)[1] == 3).all()
    truth = np.array(task.truth)
    assert not set(task.gallery) & set(task.queries)
    assert len(set(task.queries)) == len(task.queries)
    assert (truth == "-1").mean() == pytest.approx(0.4, abs=0.01)
    known = truth != "-1"
    assert (truth[known] == labels[task.queries[known]]).all()
    assert set(truth[known]) <= set(shown)
    assert not set(labels[task.queries[~known]]) & set(shown)
    assert (np.unique(truth[known], return_counts=True)[1] == 5).all()
    again = cut_task(LABELS, seed=1, shots=3, known=0.5, distractors=0.4, most=5)
    assert (again.queries == task.queries).all()
    assert (cut_task(LABELS, seed=2).queries[:9] != task.queries[:9]).any()


@pytest.mark.parametrize("shots", [2, 3, 10])
def test_a_gallery_becomes_tasks_with_a_shot_of_each_class_hidden(shots):
    labels = [f"{number:02}" for number in range(40) for _ in range(shots)]
    tasks = simulated_tasks(labels, 3)
    assert len({tuple(task.queries) for task in tasks}) == 3
    for task in tasks:
        truth = np.array(task.truth)
        assert (truth == "-1").mean() == pytest.approx(0.3, abs=0.06)
        assert (np.unique(np.array(labels)[task.gallery], return_counts=True)[1] == shots - 1).all()


def test_a_gallery_of_one_shot_a_class_cannot_be_cut():
    with pytest.raises(RecordsError, match="it takes classes with two pictures or more"):
        simulated_tasks(["a", "b", "c"], 1)


def test_compare_refuses_what_identify_refuses(few):
    with pytest.raises(FieldguideError, match="-k must be at least 1"):
        fieldguide.compare(few.gallery, few.queries, few.truth_file, k=0, show=False)

"""The main job through the command line: pictures in, answers out."""

import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import fieldguide
from drawing import KINDS, KNOWN, draw
from fieldguide import InductiveClassifier
from fieldguide.pipelines.recipes import RECIPES, Recipe
from fieldguide.recognition.expectation import Expectation, Share

THRESHOLD = ("--distractors", "threshold")
AWKWARD = ["007", "1e5", "NA", "True", "None", "0x1F", "-0"]  # as many as there are kinds of picture


# --- answers -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_without_options(task, done, tmp_path_factory):
    """A run of the job as a newcomer types it; gives the folder with its files, and what it said."""
    folder = tmp_path_factory.mktemp("without-options")
    outcome = done(
        *("identify", task.gallery, task.queries),
        *("-o", folder / "answers.csv", "--details", folder / "details.parquet"),
    )
    return folder, outcome


def test_without_options_labels_spread_and_the_contamination_is_estimated(run_without_options, task, answers_of):
    folder, outcome = run_without_options
    answers = answers_of(folder / "answers.csv")
    known = [name for name, label in task.truth.items() if label != "-1"]
    assert all(answers[name][0] == task.truth[name] for name in known)
    assert all("-1" in labels for labels in answers.values())
    assert re.search(r"distractors: estimated contamination 0\.\d\d \(90% interval 0\.\d\d to \d\.\d\d\)", outcome.out)
    assert f"answers: {folder / 'answers.csv'}" in outcome.out
    assert not outcome.complaints


def test_the_reports_best_tells_classes_and_distractors(task, done, answers_of, tmp_path):
    outcome = done("identify", task.gallery, task.queries, "-o", tmp_path / "answers.csv", "--recipe", "cosine")
    assert {name: labels[0] for name, labels in answers_of(tmp_path / "answers.csv").items()} == task.truth
    assert "distractors: DBSCAN in the tsne space, eps " in outcome.out
    assert "28 queries: 16 identified, 12 unknown" in outcome.out
    assert not outcome.complaints


@pytest.mark.parametrize("rule", ["dbscan-embedding", "threshold"])
def test_the_other_rules_tell_the_same(rule, task, done, answers_of, tmp_path):
    answers = tmp_path / "answers.csv"
    expected = ("--contamination", task.contamination) if rule == "threshold" else ()
    done("identify", task.gallery, task.queries, "-o", answers, "--distractors", rule, *expected)
    assert {name: labels[0] for name, labels in answers_of(answers).items()} == task.truth


def test_the_same_run_twice_gives_the_same_bytes(run_without_options, task, done, tmp_path):
    folder, _ = run_without_options
    answers, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    done("identify", task.gallery, task.queries, "-o", answers, "--details", details)
    assert answers.read_bytes() == (folder / "answers.csv").read_bytes()
    assert details.read_bytes() == (folder / "details.parquet").read_bytes()


def test_a_distractor_gets_the_unknown_label_first_and_the_classes_after_it(few, done, answers_of, tmp_path):
    answers = tmp_path / "answers.csv"
    done("identify", few.gallery, few.queries, "-o", answers, *THRESHOLD, "--contamination", few.contamination)
    for name, labels in answers_of(answers).items():
        if few.truth[name] == "-1":
            assert labels[0] == "-1"
            assert sorted(labels[1:]) == sorted(KNOWN)
        else:
            assert sorted(labels) == sorted(KNOWN)


def test_at_most_five_labels_a_query_the_unknown_label_among_them(done, answers_of, tmp_path):
    for kind in KINDS[:6]:
        (tmp_path / "gallery" / kind).mkdir(parents=True)
        draw(kind, 0).save(tmp_path / "gallery" / kind / "0.png")
    (tmp_path / "queries").mkdir()
    draw("stripes", 100).save(tmp_path / "queries" / "known.png")
    draw("slope", 100).save(tmp_path / "queries" / "other.png")
    answers = tmp_path / "answers.csv"
    done(
        *("identify", tmp_path / "gallery", tmp_path / "queries", "-o", answers, *THRESHOLD),
        *("--contamination", 0.5),
    )
    given = answers_of(answers)
    assert given["known.png"][0] == "stripes"
    assert given["other.png"][0] == "-1"
    assert [len(set(labels)) for labels in given.values()] == [5, 5]


def test_k_limits_the_labels(few, done, answers_of, tmp_path):
    answers = tmp_path / "answers.csv"
    done(
        *("identify", few.gallery, few.queries, "-o", answers, "-k", 1, *THRESHOLD),
        *("--contamination", few.contamination),
    )
    assert answers_of(answers) == {name: [label] for name, label in few.truth.items()}


def test_nothing_is_named_below_a_probability_and_the_rest_of_the_answer_stays(
    run_without_options, task, done, answers_of, tmp_path
):
    folder, _ = run_without_options
    before = rows_of(folder / "details.parquet")
    sure = sorted(rows[0]["probability"] for rows in before.values() if not rows[0]["unknown"])
    least = round(sure[len(sure) // 2], 3)  # half of the names go
    answers, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    words = "identify", task.gallery, task.queries, "-o", answers, "--details", details
    outcome = done(*words, "--name-above", least)
    kept = moved = 0
    for name, rows in rows_of(details).items():
        (unknown,) = [row for row in before[name] if row["unknown"]]
        if before[name][0]["unknown"] or before[name][0]["probability"] >= least:
            kept += not rows[0]["unknown"]
            assert rows == before[name]
        else:
            moved += 1
            ordered = [unknown, *(row for row in before[name] if row is not unknown)]
            assert rows == [row | {"rank": rank} for rank, row in enumerate(ordered, start=1)]
        assert answers_of(answers)[name] == [row["label"] for row in rows]
    assert kept
    assert moved
    assert f"28 queries: {kept} identified with a probability of at least {least}, {28 - kept} unknown" in outcome.out

    result = fieldguide.identify(task.gallery, task.queries, name_above=least, show=False)
    assert result.counts == (kept, 28 - kept, 0)
    assert dict(result) == answers_of(answers)


def rows_of(details: Path) -> dict[str, list[dict]]:
    """Read details: the rows of each query, best first, without its group, which depends on the other answers."""
    rows: dict[str, list[dict]] = {}
    for row in pq.read_table(details).drop_columns("group").to_pylist():
        rows.setdefault(row["image"], []).append(row)
    return rows


GOOD = Expectation(Share(0.86, 0.8, 0.91), Share(0.1, 0.052, 0.2), Share(0.9, 0.85, 0.95))
POOR = Expectation(Share(0.12, 0.08, 0.17), None, Share(0.45, 0.35, 0.6))
HOPELESS = Expectation(None, Share(0.3, 0.2, 0.4), Share(0.494, 0.1, 0.9))
SAID = {
    "good": (
        GOOD,
        "86 of 100 known queries named rightly (80 to 91), 10 of 100 unknown ones given a name (5 to 20), "
        "90 of 100 names right (85 to 95)",
        "",
    ),
    "poor": (
        POOR,
        "12 of 100 known queries named rightly (8 to 17), 45 of 100 names right (35 to 60)",
        "expect fewer than half of the names to be right and of the known queries to be named rightly: try, ",
    ),
    "no known queries": (
        HOPELESS,
        "30 of 100 unknown ones given a name (20 to 40), 49 of 100 names right (10 to 90)",
        "expect fewer than half of the names to be right: try, what helps most first: more labelled pictures a class; ",
    ),
}


@pytest.fixture
def expecting(monkeypatch):
    """Let a recipe `rehearsed` answer as `inductive` does, and expect of its answers what it is given."""

    def expect(expected: Expectation | None) -> None:
        class Rehearsed(InductiveClassifier):
            def rank(self, X, k=5):
                return replace(super().rank(X, k), expected=expected)

        recipe = Recipe("probability", closed=lambda _: InductiveClassifier(), open=lambda _: Rehearsed())
        monkeypatch.setitem(RECIPES, "rehearsed", recipe)

    return expect


@pytest.mark.parametrize("case", SAID)
def test_what_is_to_be_expected_is_said_before_the_answers(case, expecting, few, done, tmp_path):
    expected, said, complaint = SAID[case]
    expecting(expected)
    words = "identify", few.gallery, few.queries, "--recipe", "rehearsed"
    outcome = done(*words, "-o", tmp_path / "answers.csv")
    lines = outcome.out.splitlines()
    place = lines.index(f"expected, from rehearsals on your gallery: {said}")
    assert lines[place - 1].startswith("gallery: ")
    assert lines[place + 1].startswith("distractors: ")
    assert [line[: len("fieldguide: " + complaint)] for line in outcome.complaints] == (
        ["fieldguide: " + complaint] if complaint else []
    )

    to_stdout = done(*words, "-o", "-", "--name-above", "0.8")
    assert "expected" not in to_stdout.out
    assert f"expected, from rehearsals on your gallery, before names below 0.8 are withheld: {said}" in to_stdout.err
    assert fieldguide.identify(few.gallery, few.queries, recipe="rehearsed", show=False).expected == expected


def test_details_keep_what_was_expected_for_a_later_report(expecting, few, done, refused, tmp_path):
    expecting(POOR)
    first, second, details = tmp_path / "a.html", tmp_path / "b.html", tmp_path / "details.parquet"
    words = "identify", few.gallery, few.queries, "--recipe", "rehearsed", "-o", tmp_path / "a.csv"
    done(*words, "--details", details, "--report", first, "--name-above", "0.8")
    done("report", details, few.gallery, few.queries, "-o", second)
    for page in first, second:
        html = page.read_text(encoding="utf-8")
        said = "12 of 100 known queries named rightly (8 to 17), 45 of 100 names right (35 to 60)"
        assert f"before names below 0.8 are withheld: {said}" in html
        assert "Expect fewer than half of the names to be right" in html

    spoilt = pq.read_table(details)
    facts = spoilt.schema.metadata[b"fieldguide"].replace(b'"value": 0.45', b'"value": "x"')
    pq.write_table(spoilt.replace_schema_metadata(spoilt.schema.metadata | {b"fieldguide": facts}), details)
    line = refused("report", details, few.gallery, few.queries, "-o", second)
    assert f"{details} is of another version: write it anew with identify --details" in line


def test_nothing_is_said_where_nothing_is_expected(expecting, few, done, tmp_path):
    for expected in None, Expectation(None, None, None):
        expecting(expected)
        outcome = done("identify", few.gallery, few.queries, "--recipe", "rehearsed", "-o", tmp_path / "answers.csv")
        assert "rehearsals" not in outcome.out
        assert not outcome.complaints


def test_the_default_recognizer_says_what_to_expect_and_keeps_to_it(run_without_options, task):
    folder, outcome = run_without_options
    assert re.search(
        r"^expected, from rehearsals on your gallery: \d+ of 100 known queries named rightly \(\d+ to \d+\), "
        r"\d+ of 100 unknown ones given a name \(\d+ to \d+\), \d+ of 100 names right \(\d+ to \d+\)$",
        outcome.out,
        re.MULTILINE,
    )
    result = fieldguide.identify(task.gallery, task.queries, show=False)
    scores = fieldguide.evaluate(result, task.truth)
    for share, name in (
        (result.expected.known_named_rightly, "known named rightly"),
        (result.expected.distractors_named, "distractors named"),
        (result.expected.names_right, "names right"),
    ):
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.low - 0.2 <= scores[name].value <= share.high + 0.2  # 28 queries: one is 0.08 of the distractors
    assert pq.read_schema(folder / "details.parquet").metadata[b"fieldguide"].count(b'"names_right": {"value": ') == 1


def test_the_threshold_rule_prints_the_threshold_it_used(few, done, answers_of, tmp_path):
    """What is printed for a contamination does the same when it is given as the threshold."""
    paths = "identify", few.gallery, few.queries, "-o"
    first = done(*paths, tmp_path / "share.csv", *THRESHOLD, "--contamination", 0.25).out
    assert "(from the expected contamination of 0.25)" in first
    printed = first.split("similarity below ")[1].split()[0]
    again = done(*paths, tmp_path / "threshold.csv", *THRESHOLD, "--threshold", printed).out
    assert f"similarity below {printed} (as given)" in again

    unknown = [name for name, labels in answers_of(tmp_path / "share.csv").items() if labels[0] == "-1"]
    assert len(unknown) == 2  # a quarter of 7, rounded
    assert (tmp_path / "share.csv").read_text() == (tmp_path / "threshold.csv").read_text()


def test_a_threshold_without_a_number_says_what_it_assumes(few, done, tmp_path):
    outcome = done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *THRESHOLD)
    assert "assuming a contamination of 0.30; give yours with --contamination, or --threshold" in outcome.out


def test_without_a_rule_nothing_is_unknown(few, done, answers_of, tmp_path):
    answers = tmp_path / "a.csv"
    done("identify", few.gallery, few.queries, "-o", answers, "--distractors", "none")
    assert all("-1" not in labels for labels in answers_of(answers).values())


def test_both_engines_give_the_same_answers(few, done, tmp_path):
    for engine in "openvino", "torch":
        done("identify", few.gallery, few.queries, "-o", tmp_path / f"{engine}.csv", "--engine", engine, *THRESHOLD)
    assert (tmp_path / "openvino.csv").read_text() == (tmp_path / "torch.csv").read_text()


def test_the_library_gives_what_the_command_line_writes(few, done, answers_of, tmp_path):
    done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", *THRESHOLD, "--contamination", 0.4)
    options = {"distractors": "threshold", "contamination": 0.4, "k": 5, "show": False}
    ranking = fieldguide.identify(few.gallery, few.queries, **options).ranking
    assert dict(ranking) == answers_of(tmp_path / "a.csv")
    assert len(ranking) == 7

    fieldguide.write_answers(ranking, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_bytes() == (tmp_path / "a.csv").read_bytes()
    read = fieldguide.read_answers(tmp_path / "b.csv")
    assert dict(zip(read.names, read.labels, strict=True)) == dict(ranking)


def test_the_library_takes_names_of_columns_and_one_query_is_no_plural(few, done, table, tmp_path):
    rows = [(str(path), path.parent.name) for path in sorted(few.gallery.rglob("*.png"))]
    gallery = table(tmp_path / "gallery.csv", [("Image", "Id"), *rows])
    queries = table(tmp_path / "queries.csv", [("Image",), (str(next(few.queries.glob("*-rings.png"))),)])
    result = fieldguide.identify(
        gallery, queries, distractors="none", image_column="Image", label_column="Id", show=False
    )
    assert result[0].labels[0] == "rings"
    columns = "--image-column", "Image", "--label-column", "Id"
    out = done("identify", gallery, queries, "-o", tmp_path / "a.csv", "--distractors", "none", *columns).out
    assert "1 query: 1 identified, 0 unknown" in out


def test_the_library_takes_another_unknown_label(few):
    ranking = fieldguide.identify(
        str(few.gallery), str(few.queries), distractors="threshold", contamination=1.0, unknown="none", show=False
    )
    assert {labels[0] for _, labels in ranking} == {"none"}


# --- galleries and queries -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_keep_their_order_and_name_pictures_beside_themselves(kind, few, done, answers_of, table, tmp_path):
    """The tables lie in folders of their own, and are used from elsewhere."""
    lists = tmp_path / "lists"
    (lists / "pictures").mkdir(parents=True)
    shutil.copytree(few.gallery, lists / "pictures" / "known")
    shutil.copytree(few.queries, lists / "pictures" / "asked")
    known = [(f"pictures/known/{label}/{shot}.png", label) for shot in range(2) for label in reversed(KNOWN)]
    asked = [f"./pictures/asked/{name}" for name in sorted(few.truth, key=lambda name: name[::-1])]
    gallery = table(lists / f"train.{kind}", [("image", "label"), *known])
    # a column more than is needed does no harm, wherever it stands
    queries = table(lists / f"test.{kind}", [("note", "image"), *(("a, b", name) for name in asked)])

    answers = tmp_path / "answers.csv"
    done("identify", gallery, queries, "-o", answers, *THRESHOLD, "--contamination", few.contamination)
    given = answers_of(answers)
    assert list(given) == asked
    assert [labels[0] for labels in given.values()] == [few.truth[Path(name).name] for name in asked]


def test_a_table_may_name_pictures_by_absolute_paths(few, done, answers_of, table, tmp_path):
    asked = [str(few.queries / name) for name in list(few.truth)[:2]]
    queries = table(tmp_path / "test.csv", [("image",), *((name,) for name in asked)])
    done("identify", few.gallery, queries, "-o", tmp_path / "a.csv", "--distractors", "none")
    assert list(answers_of(tmp_path / "a.csv")) == asked


def test_a_folder_of_queries_is_searched_with_all_that_is_below_it(few, done, answers_of, tmp_path):
    queries = tmp_path / "queries"
    for name in "b/stripes.png", "b/deep/er/rings.JPG", "a.png", ".hidden/dots.png", "b/.dots.png":
        (queries / name).parent.mkdir(parents=True, exist_ok=True)
        draw("rings" if "rings" in name else "stripes", 100).save(queries / name)
    (queries / "notes.md").write_text("not a picture")
    (queries / "b" / "README").write_text("nor this")
    outcome = done("identify", few.gallery, queries, "-o", tmp_path / "a.csv", "--distractors", "none")

    given = answers_of(tmp_path / "a.csv")
    assert [(name, labels[0]) for name, labels in given.items()] == [
        ("a.png", "stripes"),
        ("b/deep/er/rings.JPG", "rings"),
        ("b/stripes.png", "stripes"),
    ]
    (line,) = outcome.complaints
    assert "passed over 2 files that are not pictures by name" in line
    assert ".md" in line


def test_a_gallery_folder_may_have_folders_inside_its_classes(few, done, answers_of, tmp_path):
    for kind in KNOWN:
        (tmp_path / "gallery" / kind / "left" / "wing").mkdir(parents=True)
        draw(kind, 0).save(tmp_path / "gallery" / kind / "left" / "wing" / "0.png")
    done("identify", tmp_path / "gallery", few.queries, "-o", tmp_path / "a.csv", "--distractors", "none")
    given = answers_of(tmp_path / "a.csv")
    assert all(given[name][0] == label for name, label in few.truth.items() if label != "-1")


def test_a_single_picture_is_answered_under_the_name_it_was_given(few, done, answers_of, tmp_path, monkeypatch):
    monkeypatch.chdir(few.folder)
    outcome = done("identify", "gallery", "queries/0-rings.png", "-o", tmp_path / "a.csv", "--distractors", "none")
    assert list(answers_of(tmp_path / "a.csv")) == ["queries/0-rings.png"]
    assert answers_of(tmp_path / "a.csv")["queries/0-rings.png"][0] == "rings"
    assert "1 query: 1 identified, 0 unknown" in outcome.out


@pytest.mark.parametrize("twin", [True, False], ids=["the same picture", "another picture"])
def test_one_picture_against_one_picture_ends_well_without_options(twin, done, tmp_path, monkeypatch):
    """The smallest few there is, and what many will type first."""
    (tmp_path / "gallery" / "rings").mkdir(parents=True)
    draw("rings", 0).save(tmp_path / "gallery" / "rings" / "0.png")
    draw("rings", 0 if twin else 1).save(tmp_path / "query.png")
    monkeypatch.chdir(tmp_path)
    outcome = done("identify", "gallery", "query.png")
    assert not outcome.complaints
    assert "rings" in (tmp_path / "answers.csv").read_text().splitlines()[1]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_labels_that_look_like_something_else_stay_as_they_are(kind, done, answers_of, table, tmp_path):
    assert len(AWKWARD) == len(KINDS)
    for name in KINDS:
        draw(name, 0).save(tmp_path / f"{name}.png")
        draw(name, 100).save(tmp_path / f"asked-{name}.png")
    label_of = dict(zip(KINDS, AWKWARD, strict=True))
    gallery = table(
        tmp_path / f"g.{kind}", [("image", "label"), *((f"{name}.png", label) for name, label in label_of.items())]
    )
    truth = table(
        tmp_path / f"q.{kind}",
        [("image", "label"), *((f"asked-{name}.png", label) for name, label in label_of.items())],
    )
    answers, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    done("identify", gallery, truth, "-o", answers, "--details", details, "-k", 7, "--distractors", "none")

    given = answers_of(answers)
    assert [labels[0] for labels in given.values()] == AWKWARD
    assert all(sorted(labels) == sorted(AWKWARD) for labels in given.values())
    for file in answers, details:
        assert "top-1                1.0000" in done("evaluate", file, truth).out


# --- formats -------------------------------------------------------------------------------------------------------


def test_the_format_of_a_competition(few, done, answers_of, table, tmp_path):
    """Kaggle's humpback whales: Image,Id and new_whale."""
    form = "--image-column", "Image", "--label-column", "Id", "--unknown", "new_whale"
    gallery = table(
        few.folder / "train.csv",
        [("Image", "Id"), *((f"gallery/{kind}/{shot}.png", kind) for kind in KNOWN for shot in range(2))],
    )
    queries = table(few.folder / "test.csv", [("Image",), *((f"queries/{name}",) for name in few.truth)])
    answers = tmp_path / "submission.csv"
    done(
        *("identify", gallery, queries, "-o", answers, *form, "-k", 3, "--separator", "|", *THRESHOLD),
        *("--contamination", few.contamination),
    )
    assert answers.read_text().splitlines()[0] == "Image,Id"
    true = {f"queries/{name}": label.replace("-1", "new_whale") for name, label in few.truth.items()}
    given = answers_of(answers, "|")
    assert {name: labels[0] for name, labels in given.items()} == true
    assert all(len(labels) == 3 for labels in given.values())

    truth = table(tmp_path / "truth.csv", [("Image", "Id"), *true.items()])
    assert "mAP@3                1.0000" in done("evaluate", answers, truth, *form, "-k", 3, "--separator", "|").out


def test_labels_that_hold_the_separator(refused, done, answers_of, few, table, tmp_path):
    gallery = table(
        few.folder / "spaced.csv",
        [("image", "label"), *((f"gallery/{kind}/0.png", f"the {kind}") for kind in KNOWN)],
    )
    answers = tmp_path / "answers.csv"
    words = "identify", gallery, few.queries, "-o", answers, "--distractors", "none"
    line = refused(*words, "--separator", " ")
    assert "holds the separator ' ': choose another with --separator, for example --separator ';'" in line
    assert "the label 'the " in line
    assert not answers.exists()

    outcome = done(*words)
    assert f"{answers}: labels hold a space, so ';' stands between them" in outcome.err
    given = answers_of(answers, ";")
    true = {name: f"the {label}" for name, label in few.truth.items() if label != "-1"}
    assert all(given[name][0] == label for name, label in true.items())
    truth = table(tmp_path / "truth.csv", [("image", "label"), *true.items()])
    assert "mAP@5                1.0000" in done("evaluate", answers, truth).out


def test_details_hold_what_is_behind_each_answer(few, done, answers_of, tmp_path):
    import pyarrow.parquet as pq

    answers, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    share = few.contamination
    outcome = done(
        *("identify", few.gallery, few.queries, "-o", answers, "--details", details, *THRESHOLD),
        *("--contamination", share, "--recipe", "cosine"),
    )
    assert f"details: {details}" in outcome.out
    rows = pq.read_table(details).to_pylist()
    assert list(rows[0]) == [
        *("image", "rank", "label", "unknown", "similarity", "probability", "nearest", "distractor_score", "group")
    ]
    by_query: dict[str, list[dict]] = {}
    for row in rows:
        by_query.setdefault(row["image"], []).append(row)

    assert {name: [row["label"] for row in rows] for name, rows in by_query.items()} == answers_of(answers)
    for name, rows in by_query.items():
        assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        assert [row["unknown"] for row in rows] == [row["label"] == "-1" for row in rows]
        assert len({row["distractor_score"] for row in rows}) == 1
        classes = [row for row in rows if not row["unknown"]]
        assert all(row["nearest"].startswith(row["label"] + "/") for row in classes)
        assert all(row["nearest"] is None and row["similarity"] is None for row in rows if row["unknown"])
        similarity = [row["similarity"] for row in classes]
        assert similarity == sorted(similarity, reverse=True)
        assert rows[0]["distractor_score"] == pytest.approx(1 - similarity[0], abs=1e-6)
        assert (rows[0]["distractor_score"] > 0.12) == (few.truth[name] == "-1")


def test_a_gallery_picture_asked_again_is_its_own_nearest(few, done, tmp_path):
    import pyarrow.parquet as pq

    details = tmp_path / "details.parquet"
    words = "identify", few.gallery, few.gallery, "-o", tmp_path / "a.csv", "--details", details
    done(*words, "--distractors", "none")
    first = [row for row in pq.read_table(details).to_pylist() if row["rank"] == 1]
    assert len(first) == 8
    for row in first:
        assert row["nearest"] == row["image"]
        assert row["similarity"] == pytest.approx(1, abs=1e-5)


# --- pictures that cannot be read ----------------------------------------------------------------------------------


@pytest.fixture
def spoilt(few, tmp_path):
    """A copy of the task that a test may spoil."""
    for name in "gallery", "queries":
        shutil.copytree(few.folder / name, tmp_path / name)
    return tmp_path


def test_an_unreadable_query_gets_the_unknown_label_and_is_listed(spoilt, few, done, answers_of):
    paths = "identify", spoilt / "gallery", spoilt / "queries", "-o", spoilt / "answers.csv"
    share = *THRESHOLD, "--threshold", "0.8", "--recipe", "cosine"  # each query alone
    done(*paths, *share)
    sound = answers_of(spoilt / "answers.csv")
    (spoilt / "queries" / "0-dots.png").write_bytes(b"")
    whole = (spoilt / "queries" / "0-rings.png").read_bytes()
    (spoilt / "queries" / "0-rings.png").write_bytes(whole[: len(whole) // 2])
    (spoilt / "queries" / "zz.png").write_text("this is text")

    outcome = done(*paths, *share, "--details", spoilt / "details.parquet")
    spoilt_names = ["0-dots.png", "0-rings.png", "zz.png"]
    given = answers_of(spoilt / "answers.csv")
    assert given == {**sound, **{name: ["-1"] for name in spoilt_names}}
    assert list(given) == sorted(given)

    header, *listed = [line.split(",", 2) for line in (spoilt / "answers.unreadable.csv").read_text().splitlines()]
    assert header == ["image", "part", "reason"]
    assert [(name, part) for name, part, _ in listed] == [(name, "queries") for name in spoilt_names]
    assert listed[0][2] == "an empty file"
    assert "truncated" in listed[1][2]
    assert listed[2][2] == "not a picture in a known format"

    (line,) = outcome.complaints
    assert "3 pictures could not be read and are listed in" in line
    assert "answers.unreadable.csv: 0-dots.png (an empty file), …" in line
    assert "mAP@5" in done("evaluate", spoilt / "details.parquet", few.truth_file).out


def test_the_list_of_unreadable_pictures_goes_when_all_can_be_read(spoilt, few, done):
    paths = "identify", spoilt / "gallery", spoilt / "queries", "-o", spoilt / "answers.csv", "--distractors", "none"
    (spoilt / "queries" / "0-dots.png").write_bytes(b"")
    done(*paths)
    assert (spoilt / "answers.unreadable.csv").exists()
    draw("dots", 100).save(spoilt / "queries" / "0-dots.png")
    assert not done(*paths).complaints
    assert not (spoilt / "answers.unreadable.csv").exists()


def test_a_query_in_a_table_that_is_not_there_is_answered_and_listed(few, done, answers_of, table, tmp_path):
    asked = [str(few.queries / "0-dots.png"), "gone.png", str(few.queries / "0-rings.png")]
    queries = table(tmp_path / "test.csv", [("Image",), *((name,) for name in asked)])
    gallery = table(
        tmp_path / "train.csv", [("Image", "label"), *((str(few.gallery / kind / "0.png"), kind) for kind in KNOWN)]
    )
    words = "identify", gallery, queries, "-o", tmp_path / "a.csv", "--image-column", "Image"
    outcome = done(*words, "--distractors", "none", "--unknown", "none")
    given = answers_of(tmp_path / "a.csv")
    assert [labels[0] for labels in given.values()] == ["dots", "none", "rings"]
    assert given["gone.png"] == ["none"]
    assert (tmp_path / "a.unreadable.csv").read_text() == "Image,part,reason\ngone.png,queries,no such file\n"
    assert "1 pictures could not be read" in outcome.complaints[0]


def test_an_unreadable_gallery_picture_is_reported_and_the_others_of_its_class_serve(spoilt, few, done, answers_of):
    (spoilt / "gallery" / "rings" / "0.png").write_bytes(b"")
    outcome = done(
        *("identify", spoilt / "gallery", spoilt / "queries", "-o", spoilt / "answers.csv"),
        *(*THRESHOLD, "--contamination", few.contamination, "--details", spoilt / "details.parquet"),
    )
    assert {name: labels[0] for name, labels in answers_of(spoilt / "answers.csv").items()} == few.truth
    listed = (spoilt / "answers.unreadable.csv").read_text().splitlines()
    assert listed == ["image,part,reason", "rings/0.png,gallery,an empty file"]
    assert len(outcome.complaints) == 1

    import pyarrow.parquet as pq

    for row in pq.read_table(spoilt / "details.parquet").to_pylist():
        assert row["nearest"] != "rings/0.png"
        assert row["unknown"] or row["nearest"].startswith(row["label"])


def test_without_a_readable_picture_of_a_class_the_run_goes_on_without_it(spoilt, few, done, answers_of):
    """Another class has lost a picture too, and comes first: the picture that is named is of the class lost."""
    (spoilt / "gallery" / "checks" / "0.png").write_bytes(b"")
    for shot in range(2):
        (spoilt / "gallery" / "rings" / f"{shot}.png").write_text("no picture")
    words = "identify", spoilt / "gallery", spoilt / "queries", "-o", spoilt / "answers.csv", "--distractors", "none"
    lost, listed = done(*words).complaints
    assert "no picture can be read of 1 of 4 classes, which no query is given: 'rings' (rings/0.png: not a pic" in lost
    assert "3 pictures could not be read and are listed in" in listed
    given = answers_of(spoilt / "answers.csv")
    assert all(given[name][0] == label for name, label in few.truth.items() if label not in ("-1", "rings"))
    assert all("rings" not in labels for labels in given.values())
    assert (spoilt / "answers.unreadable.csv").read_text().count("rings/") == 2


def test_a_strict_run_stops_at_the_first_kind_of_picture_that_cannot_be_read(spoilt, refused, few):
    (spoilt / "queries" / "0-dots.png").write_bytes(b"")
    answers, listed = spoilt / "answers.csv", spoilt / "answers.unreadable.csv"
    words = "identify", spoilt / "gallery", spoilt / "queries", "-o", answers, "--distractors", "none", "--strict"
    line = refused(*words)
    assert f"--strict: 1 picture could not be read: 0-dots.png (an empty file); listed in {listed}" in line
    for shot in range(2):
        (spoilt / "gallery" / "rings" / f"{shot}.png").write_text("no picture")
    assert "--strict: 2 pictures could not be read: rings/0.png (not a picture in a known format), …" in refused(*words)
    assert listed.read_text().count("rings/") == 2
    assert not answers.exists()
    line = refused("embed", spoilt / "queries", "-o", spoilt / "e.npz", "--strict")
    assert "--strict: 1 picture could not be read: 0-dots.png (an empty file)" in line
    with pytest.raises(fieldguide.FieldguideError, match=r"--strict: 2 pictures could not be read"):
        fieldguide.identify(spoilt / "gallery", spoilt / "queries", strict=True, show=False)


def test_a_gallery_of_which_nothing_can_be_read_is_an_error(spoilt, refused):
    for path in (spoilt / "gallery").rglob("*.png"):
        path.write_bytes(b"")
    line = refused("identify", spoilt / "gallery", spoilt / "queries", "-o", spoilt / "answers.csv")
    assert "none of the 8 gallery pictures can be read (an empty file); the first was looked for at " in line
    assert len((spoilt / "answers.unreadable.csv").read_text().splitlines()) == 9


def test_every_command_says_what_it_read_and_what_it_passed_over(spoilt, done):
    (spoilt / "queries" / "0-dots.png").write_bytes(b"")
    (spoilt / "queries" / "IMG_1.NEF").touch()
    (spoilt / "gallery" / "rings" / "1.png").unlink()
    paths, rest = (spoilt / "gallery", spoilt / "queries"), ("--distractors", "none")
    outcome = done("identify", *paths, "-o", spoilt / "a.csv", *rest, "--details", spoilt / "d.parquet")
    read = "gallery: 4 classes, 7 pictures (1 to 2 a class); queries: 7"
    assert outcome.out.splitlines()[0] == read
    assert "7 queries: 6 identified, 0 unknown, 1 unreadable" in outcome.out
    assert (spoilt / "a.unreadable.csv").read_text().splitlines()[1:] == [
        "0-dots.png,queries,an empty file",
        "IMG_1.NEF,queries,a camera's raw file: export it as JPEG or TIFF",
    ]
    assert "IMG_1.NEF" not in (spoilt / "a.csv").read_text()
    assert done("embed", paths[1], "-o", spoilt / "e.npz").out.splitlines()[0] == "queries: 7"
    assert "IMG_1.NEF" in (spoilt / "e.unreadable.csv").read_text()
    assert done("compare", *paths, "--recipes", "cosine+threshold").out.splitlines()[0] == read
    assert done("report", spoilt / "d.parquet", *paths, "-o", spoilt / "r.html").out.splitlines()[0] == read
    assert done("train", "metric", paths[0], "-o", spoilt / "t", "--epochs", 1).out.splitlines()[0] == read[:-12]


def test_labelled_distractors_are_taken_by_every_command(few, done, answers_of, table, tmp_path, monkeypatch):
    rows = [(str(path), path.parent.name) for path in sorted(few.gallery.rglob("*.png"))]
    for seed in range(2):
        draw("noise", seed).save(tmp_path / f"{seed}.png")
    rows += [(f"{seed}.png", "new_whale") for seed in range(2)]
    gallery = table(tmp_path / "train.csv", [("image", "label"), *rows])
    unknown = "--unknown", "new_whale"
    words = "identify", gallery, few.queries, "-o", tmp_path / "a.csv", *unknown
    read = "gallery: 4 classes, 8 pictures (2 a class); 2 labelled distractors; queries: 7"
    outcome = done(*words, "--recipe", "cosine", "--details", tmp_path / "d.parquet")
    assert outcome.out.splitlines()[0] == read
    assert outcome.complaints == [
        "fieldguide: 2 labelled distractors are left out: this recipe and rule have no use for them"
    ]
    done("embed", gallery, "--gallery", "-o", tmp_path / "g.parquet")

    given = []

    class Learns(fieldguide.CosineClassifier):
        def fit(self, X, y, distractors=None):
            given.append(distractors)
            return super().fit(X, y)

    from fieldguide.pipelines import identify, recognise

    for module in identify, recognise:
        monkeypatch.setattr(module, "recognizer_for", lambda *_: Learns())
    assert not done(*words).complaints
    assert not done("identify", tmp_path / "g.parquet", *words[2:]).complaints
    plain, from_file = given
    assert plain.shape == (2, 1280)
    assert (plain == from_file).all()
    monkeypatch.undo()
    assert read in done("compare", gallery, few.queries, *unknown, "--recipes", "cosine+threshold").out
    report = done("report", tmp_path / "d.parquet", gallery, few.queries, "-o", tmp_path / "r.html", *unknown)
    assert read in report.out
    assert read[:-12] in done("train", "metric", gallery, "-o", tmp_path / "t", "--epochs", 1, *unknown).out


def test_queries_of_which_none_can_be_read_are_an_error(few, refused, tmp_path):
    (tmp_path / "query.png").write_bytes(b"")
    line = refused("identify", few.gallery, tmp_path / "query.png", "-o", tmp_path / "answers.csv")
    assert "none of the 1 queries can be read (an empty file)" in line


# --- files ---------------------------------------------------------------------------------------------------------


def test_answers_appear_whole_or_not_at_all(few, run, tmp_path):
    """The disk is full after 100 bytes: the answers of the run before are still there, and nothing else is."""
    resource = pytest.importorskip("resource", reason="limits on file size are Unix")
    answers = tmp_path / "answers.csv"
    answers.write_text("image,label\nof the run before,a\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        outcome = run("identify", few.gallery, few.queries, "-o", answers, "--distractors", "none")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert outcome.code == 2
    assert outcome.complaints == [f"fieldguide: {answers} cannot be written: File too large"]
    assert answers.read_text() == "image,label\nof the run before,a\n"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_answers_can_be_read_by_colleagues(few, done, tmp_path):
    """A scratch file's permissions are the owner's alone; those of the answers are as of any new file."""
    done("identify", few.gallery, few.queries, "-o", tmp_path / "answers.csv", "--distractors", "none")
    (tmp_path / "any").touch()
    assert (tmp_path / "answers.csv").stat().st_mode == (tmp_path / "any").stat().st_mode


@pytest.mark.parametrize("place", [".", "..", "/", "", "there"])
def test_a_folder_as_output_is_refused(place, few, refused, tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path)
    assert "name a file to write to" in refused("identify", few.gallery, few.queries, "-o", place)


@pytest.mark.parametrize("option", ["-o", "--details"])
def test_an_output_in_a_folder_that_is_not_there_is_refused_before_any_work(option, few, refused, tmp_path):
    place = tmp_path / "gone" / "file"
    line = refused("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", option, place)
    assert f"{place} cannot be written: there is no folder {tmp_path / 'gone'}, make it first" in line
    assert list(tmp_path.iterdir()) == []


def test_answers_and_details_need_a_file_each(few, refused, tmp_path):
    file = tmp_path / "answers.csv"
    assert str(file) in refused(
        "identify", few.gallery, few.queries, "-o", file, "--details", file, "--distractors", "none"
    )


@pytest.mark.parametrize("option", ["-o", "--details"])
@pytest.mark.parametrize("victim", ["train.csv", "test.csv"])
def test_the_users_own_tables_are_not_overwritten(victim, option, few, refused, table, tmp_path):
    known = [(str(few.gallery / kind / "0.png"), kind) for kind in KNOWN]
    table(tmp_path / "train.csv", [("image", "label"), *known])
    table(tmp_path / "test.csv", [("image", "label"), *known])
    before = (tmp_path / victim).read_bytes()
    words = "identify", tmp_path / "train.csv", tmp_path / "test.csv", "-o", tmp_path / "answers.csv"
    assert victim in refused(*words, option, tmp_path / victim, "--distractors", "none")
    assert (tmp_path / victim).read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only there may file names be any bytes")
def test_file_names_that_are_not_utf8_go_all_the_way(done, tmp_path):
    folder = os.fsencode(tmp_path)
    for name in b"gallery/a/\xff.png", b"gallery/b\xff/0.png", b"queries/\xfe.png":
        path = Path(os.fsdecode(os.path.join(folder, name)))  # noqa: PTH118  bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        draw("rings" if b"a/" in name or b"queries" in name else "dots", 0).save(path)
    done(
        *("identify", tmp_path / "gallery", tmp_path / "queries", "-o", tmp_path / "a.csv"),
        *("--details", tmp_path / "d.parquet", "--distractors", "none"),
    )
    assert (tmp_path / "a.csv").read_bytes() == b"image,label\n\xfe.png,a b\xff\n"


def test_file_names_with_line_ends_are_quoted(few, done, answers_of, tmp_path):
    names = ["a\rb.png", "c\nd.png", 'e"f,.png']
    (tmp_path / "queries").mkdir()
    for name in names:
        draw("rings", 0).save(tmp_path / "queries" / name)
    done("identify", few.gallery, tmp_path / "queries", "-o", tmp_path / "a.csv", "--distractors", "none")
    assert list(answers_of(tmp_path / "a.csv")) == names

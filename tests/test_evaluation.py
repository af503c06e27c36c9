"""Scores: as `fieldguide evaluate` prints them, equal to counting by hand and to scikit-learn."""

import json
import math
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from fieldguide import CosineClassifier, FieldguideError, evaluate
from fieldguide.evaluation.metrics import Separation
from fieldguide.report.details import read_details

SCORE_PY = Path(__file__).parents[2] / "shared" / "bench" / "score.py"
LABELS = ["007", "1e5", "NA", "True", "None", "a", "b"]


def by_hand(answers: list[list[str]], truth: list[str], k: int = 5, unknown: str = "-1") -> dict[str, float]:
    """Count mAP@k, top-1 and names query by query, in plain Python."""
    points: dict[str, list[float]] = {"": [], ", known": [], ", distractors": []}
    first = []
    names: dict[str, list[float]] = {"names right": [], "known named rightly": [], "distractors named": []}
    for labels, true in zip(answers, truth, strict=True):
        point = 0.0
        for rank, label in enumerate(labels[:k], start=1):
            if label == true:
                point = 1 / rank
                break
        points[""].append(point)
        points[", distractors" if true == unknown else ", known"].append(point)
        first.append(1.0 if labels[:1] == [true] else 0.0)
        if name := [label for label in labels[:1] if label != unknown]:
            names["names right"].append(name == [true])
        if true == unknown:
            names["distractors named"].append(len(name))
        else:
            names["known named rightly"].append(name == [true])

    def mean(values: list[float]) -> float:
        return sum(values) / len(values) if values else math.nan

    scores = {f"mAP@{k}{part}": mean(values) for part, values in points.items()} | {"top-1": mean(first)}
    return scores | {what: mean(values) for what, values in names.items()}


def random_task(seed: int, n: int = 60) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Answers and truth for n pictures; the answers are right more often than not."""
    rng = np.random.default_rng(seed)
    pool = np.array([*LABELS, "-1"])
    answers, truth = {}, {}
    for number in range(n):
        labels = list(map(str, rng.permutation(pool)[: rng.integers(1, 6)]))
        answers[f"{number}.png"] = labels
        truth[f"{number}.png"] = str(rng.choice(labels if rng.random() < 0.7 else pool))
    return answers, truth


@pytest.fixture
def files(table, tmp_path):
    """Write answers and truth as CSV; gives their paths."""

    def write(answers: dict[str, list[str]], truth: dict[str, str], separator: str = " ") -> tuple[Path, Path]:
        rows = [(name, separator.join(labels)) for name, labels in answers.items()]
        return (
            table(tmp_path / "answers.csv", [("image", "label"), *rows]),
            table(tmp_path / "truth.csv", [("image", "label"), *truth.items()]),
        )

    return write


def printed(out: str) -> dict[str, tuple[float, float, float]]:
    """Read the scores that `fieldguide evaluate` printed; NaN for a dash."""
    scores = {}
    for line in out.splitlines():
        figures = line[20:].split()
        value, low, high = (math.nan if "–" in figures else float(text.strip("[],")) for text in figures[:3])
        scores[line[:20].strip()] = value, low, high
    return scores


# --- mAP and top-1 -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_printed_scores_are_those_counted_by_hand(seed, files, done):
    answers, truth = random_task(seed)
    scores = printed(done("evaluate", *files(answers, truth)).out)
    expected = by_hand(list(answers.values()), list(truth.values()))
    assert {name: value for name, (value, _, _) in scores.items()} == pytest.approx(expected, abs=5.1e-5)


@pytest.mark.skipif(not SCORE_PY.exists(), reason="../shared/bench/score.py is not beside the repository")
@pytest.mark.parametrize("seed", range(4))
def test_printed_scores_are_those_of_the_benchmark(seed, files, done):
    paths = files(*random_task(seed))
    theirs = subprocess.run([sys.executable, SCORE_PY, *paths], capture_output=True, text=True, check=True).stdout
    words = theirs.split()  # mAP@5 0.1 known 0.2 distractors 0.3 top-1 0.4
    ours = printed(done("evaluate", *paths).out)
    names = "mAP@5", "mAP@5, known", "mAP@5, distractors", "top-1"
    assert [f"{ours[name][0]:.4f}" for name in names] == words[1::2]


@given(
    queries=st.lists(
        st.tuples(
            st.lists(st.sampled_from([*LABELS, "-1"]), max_size=8, unique=True), st.sampled_from([*LABELS, "-1"])
        ),
        min_size=1,
        max_size=30,
    ),
    k=st.integers(1, 7),
)
def test_scores_are_those_counted_by_hand_for_any_answers(queries, k):
    answers, truth = [labels for labels, _ in queries], [true for _, true in queries]
    scores = {score.name: score.value for score in evaluate(answers, truth, k=k, resamples=2)}
    assert scores == pytest.approx(by_hand(answers, truth, k), nan_ok=True)


def test_scores_of_answers_known_beforehand():
    answers = [["a", "b"], ["b", "a"], ["-1", "a"], ["a", "b", "c", "d", "-1"], ["a", "b", "c", "d", "e", "f"]]
    truth = ["a", "a", "-1", "-1", "f"]
    scores = {score.name: score.value for score in evaluate(answers, truth)}
    assert scores == pytest.approx(
        {
            "mAP@5": (1 + 1 / 2 + 1 + 1 / 5 + 0) / 5,
            "mAP@5, known": (1 + 1 / 2 + 0) / 3,
            "mAP@5, distractors": (1 + 1 / 5) / 2,
            "top-1": 2 / 5,
            "names right": 1 / 4,
            "known named rightly": 1 / 3,
            "distractors named": 1 / 2,
        }
    )


def test_spaces_more_than_needed_stand_for_no_label(files, done, tmp_path):
    """As the benchmark reads answers that another program wrote."""
    answers, truth = files({"q.png": ["b", "a"]}, {"q.png": "a"})
    answers.write_text("image,label\nq.png,b   a \n")
    assert printed(done("evaluate", answers, truth).out)["mAP@5"][0] == 0.5


# --- AUROC and FPR -------------------------------------------------------------------------------------------------


@given(data=st.data())
def test_auroc_and_fpr_are_those_of_scikit_learn(data):
    """With ties, as the scores are few, and with weights, as in a bootstrap."""
    n = data.draw(st.integers(2, 40))
    distractor = np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    score = np.array(data.draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n)), np.float32)
    weight = np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), float)
    assume(weight[distractor].sum() > 0 and weight[~distractor].sum() > 0)

    separation = Separation(distractor, score)
    assert separation.auroc(weight) == pytest.approx(roc_auc_score(distractor, score, sample_weight=weight))
    # known queries are the positives, and the less a query looks like a distractor the better
    false, true, _ = roc_curve(~distractor, -score, sample_weight=weight, drop_intermediate=False)
    assert separation.fpr_at_95_tpr(weight) == pytest.approx(false[np.argmax(true >= 0.95 - 1e-9)])


def test_details_have_auroc_and_fpr_and_the_rest_as_the_answers_have(task, done, tmp_path):
    import pyarrow.parquet as pq

    answers, details = tmp_path / "answers.csv", tmp_path / "details.parquet"
    # a threshold that is wrong for a third of the queries, so that no figure is 0 or 1 by itself
    done(
        *("identify", task.gallery, task.queries, "-o", answers, "--details", details),
        *("--distractors", "threshold", "--contamination", 0.1),
    )
    of_answers = printed(done("evaluate", answers, task.truth_file).out)
    of_details = printed(done("evaluate", details, task.truth_file).out)
    assert list(of_details) == [*of_answers, "AUROC", "FPR at 95% TPR"]
    assert "distractors named" in of_answers
    assert all(of_details[name] == score for name, score in of_answers.items())
    assert 0.5 < of_answers["mAP@5"][0] < 1

    first = [row for row in pq.read_table(details).to_pylist() if row["rank"] == 1]
    auroc = roc_auc_score(
        [task.truth[row["image"]] == "-1" for row in first], [row["distractor_score"] for row in first]
    )
    assert of_details["AUROC"][0] == pytest.approx(auroc, abs=5.1e-5)


def test_queries_of_one_kind_have_no_auroc():
    scores = evaluate([["a"], ["b"]], ["a", "a"], distractor_score=np.array([0.1, 0.2], np.float32), resamples=5)
    by_name = {score.name: score for score in scores}
    for name in "AUROC", "FPR at 95% TPR", "mAP@5, distractors":
        assert math.isnan(by_name[name].value)
        assert math.isnan(by_name[name].low)
    assert by_name["mAP@5"].value == 0.5


def test_a_figure_that_the_truth_does_not_allow_is_a_dash_with_its_reason(done, table, tmp_path):
    answers = table(tmp_path / "answers.csv", [("image", "label"), ("a.png", "x -1")])
    for label, missing in ("x", "distractor"), ("-1", "known query"):
        truth = table(tmp_path / "truth.csv", [("image", "label"), ("a.png", label)])
        lines = done("evaluate", answers, truth).out.splitlines()
        dashes = [line for line in lines if "–" in line]
        assert len(dashes) == 2
        assert all(line.endswith(f"the truth has no {missing}") for line in dashes)
        assert not any("nan" in line for line in lines)


# --- names ---------------------------------------------------------------------------------------------------------


def test_what_became_of_names_is_counted(files, done):
    """Of four known queries one is taken for a distractor, one not answered; of three distractors one is named."""
    answers = {"1.png": ["a"], "2.png": ["b", "a"], "3.png": ["-1", "a"]}
    answers |= {"5.png": ["-1"], "6.png": ["a", "-1"], "7.png": ["-1", "b"]}
    truth = {"1.png": "a", "2.png": "b", "3.png": "a", "4.png": "b", "5.png": "-1", "6.png": "-1", "7.png": "-1"}
    paths = files(answers, truth)
    lines = [line for line in done("evaluate", *paths).out.splitlines() if " of " in line]
    assert [(line[:20].strip(), line[20:].split()[0], line.split("]   ")[1]) for line in lines] == [
        ("names right", "0.6667", "2 of 3 names"),
        ("known named rightly", "0.5000", "2 of 4 known queries"),
        ("distractors named", "0.3333", "1 of 3 distractors"),
    ]
    scores = strictly(done("evaluate", *paths, "--json").out)
    assert scores["counts"] == {"names right": [2, 3], "known named rightly": [2, 4], "distractors named": [1, 3]}
    evaluation = evaluate({name: answers.get(name, []) for name in truth}, truth)
    assert evaluation["names right"].count == (2, 3, "names")
    assert "2 of 4 known queries" in repr(evaluation)


def test_without_a_name_their_share_is_a_dash_with_its_reason(files, done):
    lines = done("evaluate", *files({"1.png": ["-1"], "2.png": ["-1"]}, {"1.png": "a", "2.png": "-1"})).out.splitlines()
    (dash,) = [line for line in lines if "–" in line]
    assert dash.startswith("names right ")
    assert dash.endswith("no query was named")


# --- intervals -----------------------------------------------------------------------------------------------------


def test_intervals_are_as_wide_as_theory_says():
    """Of a mean, 1.96 standard errors on either side."""
    answers, truth = random_task(seed=5, n=800)
    for score in evaluate(list(answers.values()), list(truth.values()), resamples=2000)[:1]:
        points = [
            by_hand([labels], [true])["mAP@5"] for labels, true in zip(answers.values(), truth.values(), strict=True)
        ]
        standard_error = np.std(points) / math.sqrt(len(points))
        assert score.low == pytest.approx(score.value - 1.96 * standard_error, abs=0.15 * standard_error)
        assert score.high == pytest.approx(score.value + 1.96 * standard_error, abs=0.15 * standard_error)


def test_intervals_hold_the_value_and_depend_on_nothing_but_the_seed(files, done):
    paths = files(*random_task(seed=6))
    first, again, other = (done("evaluate", *paths, "--seed", seed).out for seed in (0, 0, 1))
    assert first == again
    assert first != other
    for value, low, high in printed(first).values():
        assert low < value < high
    assert [value for value, _, _ in printed(first).values()] == [value for value, _, _ in printed(other).values()]


def test_intervals_do_not_depend_on_the_order_of_the_answers(files, done):
    answers, truth = random_task(seed=6)
    other = {name: answers[name] for name in sorted(answers)}
    assert list(other) != list(answers)
    shuffled = {name: truth[name] for name in sorted(truth)}
    assert done("evaluate", *files(other, shuffled)).out == done("evaluate", *files(answers, truth)).out


# --- matching ------------------------------------------------------------------------------------------------------


def test_answers_match_the_truth_by_file_name_whatever_their_folders_and_order(files, done):
    answers, truth = random_task(seed=7)
    here = printed(done("evaluate", *files(answers, truth)).out)
    moved = {f"some/where/{name}": labels for name, labels in reversed(answers.items())}
    elsewhere = {f"test/{name}": label for name, label in truth.items()}
    there = printed(done("evaluate", *files(moved, elsewhere)).out)
    assert {name: score[0] for name, score in there.items()} == {name: score[0] for name, score in here.items()}


def test_pictures_of_one_name_in_two_folders_are_told_apart(files, done):
    answers = {"a/1.png": ["x"], "b/1.png": ["y"]}
    assert printed(done("evaluate", *files(answers, {"a/1.png": "x", "b/1.png": "y"})).out)["top-1"][0] == 1
    assert printed(done("evaluate", *files(answers, {"b/1.png": "x", "a/1.png": "x"})).out)["top-1"][0] == 0.5


def test_answers_without_a_true_label_do_not_count(files, done):
    answers, truth = {"1.png": ["x"], "2.png": ["y"], "3.png": ["z"]}, {"3.png": "z"}
    assert printed(done("evaluate", *files(answers, truth)).out)["mAP@5"] == (1, 1, 1)


# --- JSON ----------------------------------------------------------------------------------------------------------


def strictly(text: str) -> dict:
    """Read JSON as programs other than Python do: NaN is not part of it."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_holds_what_is_printed(files, done):
    paths = files(*random_task(seed=8))
    scores = strictly(done("evaluate", *paths, "--json").out)
    for name, figures in printed(done("evaluate", *paths).out).items():
        assert scores[name] == pytest.approx(figures, abs=5.1e-5)


def test_json_of_a_task_without_distractors_is_json(files, done):
    scores = strictly(done("evaluate", *files({"1.png": ["x"]}, {"1.png": "x"}), "--json").out)
    assert scores["mAP@5"] == [1, 1, 1]
    assert scores["mAP@5, distractors"] in (None, [None, None, None])


# --- what was compared, and what looks wrong -----------------------------------------------------------------------


def test_what_was_compared_is_said(files, done):
    answers, truth = files({"1.png": ["x", "-1"], "2.png": ["-1"], "3.png": ["y"]}, {"1.png": "x", "2.png": "-1"})
    line = f"compared 2 answers of {answers} with 2 labels of {truth}; 1 distractor; 1 known class"
    outcome = done("evaluate", answers, truth)
    assert outcome.complaints == [line + ", all but '-1' taken as known; 1 answer has no true label"]
    assert printed(outcome.out)["mAP@5"][0] == 1


def test_pictures_that_are_not_answered_are_counted_and_count_as_wrong(files, done):
    answers, truth = files({"1.png": ["x"]}, {"1.png": "x", "2.png": "x", "3.png": "-1"})
    outcome = done("evaluate", answers, truth)
    assert (
        f"fieldguide: {answers}: 2 of 3 pictures in the truth are not answered, and count as wrong"
        in outcome.complaints
    )
    assert printed(outcome.out)["mAP@5"][0] == pytest.approx(1 / 3, abs=1e-4)
    assert printed(outcome.out)["mAP@5, distractors"][0] == 0


TASK = {"1.png": ["ab", "cd", "-1"], "2.png": ["-1", "ab"], "3.png": ["cd"], "4.png": ["ef", "cd"]}
TRUTH = {"1.png": "ab", "2.png": "-1", "3.png": "cd", "4.png": "cd"}


@pytest.mark.parametrize("separator", [";", "|", ",", "\t", "; "])
def test_answers_by_another_separator_are_read_by_it(separator, files, done):
    expected = printed(done("evaluate", *files(TASK, TRUTH)).out)
    outcome = done("evaluate", *files(TASK, TRUTH, separator))
    assert printed(outcome.out) == expected
    assert "the labels are taken as separated by" in outcome.err


@pytest.mark.parametrize(
    "spelt",
    [lambda label: f"{label} ", lambda label: unicodedata.normalize("NFD", label), lambda label: f"\xa0{label}"],
)
def test_labels_and_names_match_whatever_their_unicode_form_and_the_spaces_around_them(spelt, files, done):
    answers, truth = {"Müsli 1.png": ["crème", "-1"], "2.png": ["-1"]}, {"Müsli 1.png": "crème", "2.png": "-1"}
    for one, other in (answers, spell(truth, spelt)), (spell(answers, spelt), truth):
        outcome = done("evaluate", *files(one, other, ";"), "--separator", ";")
        assert printed(outcome.out)["mAP@5"][0] == 1
        assert printed(outcome.out)["mAP@5, distractors"][0] == 1


def spell(rows: dict, spelt: Callable[[str], str]) -> dict:
    """Write names and labels in another way."""
    return {
        spelt(name): spelt(labels) if isinstance(labels, str) else [spelt(label) for label in labels]
        for name, labels in rows.items()
    }


DOUBTS = {
    "swapped": (
        {name: [label] for name, label in TRUTH.items()},
        {name: " ".join(labels) for name, labels in TASK.items() if len(labels) > 1},
        "Are the files swapped? Answers come first, then the truth",
    ),
    "capitals": (TASK, {"1.png": "AB", "2.png": "CD"}, "they differ in capital and small letters"),
    "zeros": ({"1.png": ["7", "8"]}, {"1.png": "007"}, "they differ in spaces, punctuation or leading zeros"),
    "another task": ({"1.png": ["x"]}, {"1.png": "y"}, "the answers are such as 'x', the true labels such as 'y'"),
    "another unknown label": (
        TASK,
        TRUTH | {"2.png": "new_whale"},
        "1 true label is never among the answers, 'new_whale' of 1 picture the most frequent, and taken as known",
    ),
    "no unknown label": ({"1.png": ["x"], "2.png": ["none"]}, {"1.png": "x", "2.png": "-1"}, "never answers '-1'"),
}


@pytest.mark.parametrize("case", DOUBTS)
def test_what_looks_as_if_files_did_not_belong_together_is_said(case, files, done):
    answers, truth, said = DOUBTS[case]
    warnings = [line for line in done("evaluate", *files(answers, truth)).complaints if line.startswith("fieldguide: ")]
    assert len(warnings) == 1
    assert said in warnings[0]


def test_a_wrong_separator_that_was_asked_for_is_named(files, done):
    outcome = done("evaluate", *files(TASK, TRUTH, ";"), "--separator", "|")
    assert "more true labels are among the answers if they are separated by ';': say so with" in outcome.err


def test_true_labels_that_the_gallery_does_not_have_are_distractors(files, done, table, tmp_path):
    truth = TRUTH | {"2.png": "new_whale"}
    gallery = table(tmp_path / "gallery.csv", [("image", "label"), ("a.png", "ab"), ("b.png", "cd"), ("c.png", "ef")])
    expected = printed(done("evaluate", *files(TASK, TRUTH)).out)
    outcome = done("evaluate", *files(TASK, truth), "--gallery", gallery)
    assert printed(outcome.out) == expected
    assert "; 1 distractor; 2 known classes" in outcome.err

    names, labels = list(TASK), list(TASK.values())
    scores = evaluate(labels, [truth[name] for name in names], known_classes=["ab", "cd", "ef"])
    assert {one.name: one.value for one in scores} == pytest.approx(
        {name: value for name, (value, _, _) in expected.items()}, abs=5.1e-5
    )


def test_a_ranking_is_taken_with_all_that_it_knows():
    rng = np.random.default_rng(9)
    gallery, queries = rng.normal(size=(6, 4)), rng.normal(size=(4, 4))
    ranking = CosineClassifier().fit(gallery, ["a", "b", "c"] * 2).rank(queries, 3)
    truth = [ranking.labels(0)[0], ranking.labels(1)[1], "elsewhere", "-1"]
    scores = {one.name: one.value for one in evaluate(ranking, truth, resamples=2)}
    assert scores["mAP@5"] == pytest.approx((1 + 1 / 2) / 4)
    assert scores["mAP@5, known"] == pytest.approx(3 / 4)  # `elsewhere` is a distractor's
    assert "AUROC" in scores
    named = ranking.named(["w", "x", "y", "z"], "-1")
    by_name = dict(zip("zyxw", reversed(truth), strict=True))
    assert {one.name: one.value for one in evaluate(named, by_name, resamples=2)} == scores


WRONG = {
    "one list": (["a", "b"], ["a", "b"], {}, "answers[0] is 'a': evaluate takes an IdentificationResult, a Ranking, "),
    "pairs of name and labels": ([("1.png", ["a"])], ["a"], {}, "answers[0][1] is ['a'], which is no label"),
    "by name, one label": ({"1.png": "a"}, {"1.png": "a"}, {}, "answers['1.png'] is 'a': evaluate takes"),
    "by name, the truth as a list": ({"1.png": ["a"]}, ["a"], {}, "answers are by name, and the truth is a list"),
    "no answers": (7, ["a"], {}, "answers are a int: evaluate takes an IdentificationResult, a Ranking, a mapping"),
    "no truth": ([["a"]], 7, {}, "truth is a int: evaluate takes a list of labels, a mapping of names to labels, a"),
    "true labels that are none": ([["a"]], [None], {}, "truth[0] is None, which is no label"),
    "truth by name": ([["a"]], {"1.png": "a"}, {}, "truth is a dict: a list of labels was expected"),
    "not as many": ([["a"]], ["a", "b"], {}, "there are 2 true labels for 1 answers"),
    "nothing": ([], [], {}, "there is nothing to score"),
    "k": ([["a"]], ["a"], {"k": 0}, "k must be at least 1, not 0"),
    "seed": ([["a"]], ["a"], {"seed": -1}, "the seed must not be below 0"),
    "NaN": ([["a"]], ["a"], {"distractor_score": np.array([np.nan])}, "the distractor score of answer 1 is NaN"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_evaluate_does_not_take_is_refused(case):
    answers, truth, options, said = WRONG[case]
    with pytest.raises((TypeError, FieldguideError), match=re.escape(said)):
        evaluate(answers, truth, **options)


# --- details ---------------------------------------------------------------------------------------------------------


def test_details_know_the_classes_and_the_unknown_label(few, files, done, tmp_path, table):
    details = tmp_path / "details.parquet"
    done("identify", few.gallery, few.queries, "-o", tmp_path / "a.csv", "--details", details, "--unknown", "new")
    named = {name: label if label != "-1" else f"species {name}" for name, label in few.truth.items()}
    truth = table(tmp_path / "named.csv", [("image", "label"), *named.items()])
    outcome = done("evaluate", details, truth)
    assert "; 3 distractors; 4 known classes\n" in outcome.err
    plain = printed(done("evaluate", details, few.truth_file).out)
    assert plain.items() <= printed(outcome.out).items()
    assert printed(outcome.out).keys() - plain.keys() >= {"ARI", "BAUS"}  # which the classes of distractors allow


def no_details(path: Path, **columns: object) -> Path:
    base = {"image": ["q.png"], "rank": [1], "label": ["x"], "distractor_score": [0.5]}
    pq.write_table(pa.table(base | columns), path)
    return path


NO_DETAILS = {
    "text for ranks": ({"rank": ["first"]}, "holds no details"),
    "rank 0": ({"rank": [0]}, "has ranks below 1"),
    "a rank far off": ({"rank": [10**6]}, "has ranks above the number of its rows"),
    "no score": ({"distractor_score": [None]}, "holds no details"),
    "NaN": ({"distractor_score": [float("nan")]}, "the distractor score of q.png is no number"),
    "two of one rank": (
        {"image": ["q.png"] * 2, "rank": [1, 1], "label": ["x", "y"], "distractor_score": [0.5, 0.5]},
        "has two answers of one rank",
    ),
}


@pytest.mark.parametrize("case", NO_DETAILS)
def test_details_of_another_program_are_refused_in_a_line(case, files, refused, tmp_path):
    columns, said = NO_DETAILS[case]
    _, truth = files({}, {"q.png": "x"})
    line = refused("evaluate", no_details(tmp_path / "d.parquet", **columns), truth)
    assert said in line
    assert str(tmp_path / "d.parquet") in line


def test_read_details_takes_nothing_but_details(tmp_path, table):
    csv = table(tmp_path / "a.csv", [("image", "label"), ("q.png", "x")])
    plain = table(tmp_path / "a.parquet", [("image", "label"), ("q.png", "x")])
    for path, said in (csv, "is not a Parquet of details"), (plain, "has no column 'rank'"):
        with pytest.raises(FieldguideError, match=said):
            read_details(path, ["x"], ["g.png"], ["q.png"])


# --- errors --------------------------------------------------------------------------------------------------------


def test_a_file_name_in_two_folders_matches_nothing(files, refused):
    line = refused("evaluate", *files({"a/1.png": ["x"], "b/1.png": ["y"]}, {"1.png": "x"}))
    assert "pictures in the truth are not answered, 1.png among them" in line


BAD_ANSWERS = {
    "a picture twice": ("image,label\n1.png,a\n1.png,b\n", "1.png is answered twice"),
    "a label twice": ("image,label\n1.png,a b a\n", "1.png has a label twice: a b a"),
    "no label column": ("image,Id\n1.png,a\n", "has no column 'label'; it has 'image', 'Id'"),
    "a ragged row": ("image,label\n1.png,a,b\n", "line 2: 3 values where the header names 2 columns"),
    "no UTF-8": (b"image,label\n1.png,\xff\n", "is not UTF-8"),
}


@pytest.mark.parametrize("case", BAD_ANSWERS)
def test_what_is_wrong_with_answers_is_said_in_a_line(case, files, refused):
    content, said = BAD_ANSWERS[case]
    answers, truth = files({}, {"1.png": "a"})
    answers.write_bytes(content if isinstance(content, bytes) else content.encode())
    line = refused("evaluate", answers, truth)
    assert said in line
    assert str(answers) in line


BAD_TRUTH = {
    "a picture twice": ("image,label\n1.png,a\n1.png,a\n", "listed twice"),
    "no rows": ("image,label\n", "holds no"),
    "no label": ("image,label\n1.png,\n", "row 1 has no value in column 'label'"),
    "no label column": ("image,Id\n1.png,a\n", "has no column 'label'; it has 'image', 'Id'"),
}


@pytest.mark.parametrize("case", BAD_TRUTH)
def test_what_is_wrong_with_the_truth_is_said_in_a_line(case, files, refused):
    content, said = BAD_TRUTH[case]
    answers, truth = files({"1.png": ["a"]}, {})
    truth.write_text(content)
    line = refused("evaluate", answers, truth)
    assert said in line
    assert str(truth) in line


def test_files_that_are_not_there_are_named(files, refused, tmp_path):
    answers, truth = files({"1.png": ["a"]}, {"1.png": "a"})
    for name in "gone.csv", "gone.parquet":
        assert f"no such file: {tmp_path / name}" in refused("evaluate", tmp_path / name, truth)
        assert f"no such file: {tmp_path / name}" in refused("evaluate", answers, tmp_path / name)
    assert f"{tmp_path} is a folder: name a table" in refused("evaluate", answers, tmp_path)


def test_an_empty_separator_is_refused(files, refused):
    paths = files({"1.png": ["a"]}, {"1.png": "a"})
    assert "the separator is empty" in refused("evaluate", *paths, "--separator", "")

"""A ranking as Python users meet it: a sequence of answers, a table, equal or not."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV

from fieldguide import (
    CosineClassifier,
    InductiveClassifier,
    OpenSetClassifier,
    ProbabilisticClassifier,
    RankingPipeline,
    SelfTrainingClassifier,
    ThresholdRule,
    TransductiveClassifier,
)
from fieldguide.recognition.by_probability import rank_by_probability
from fieldguide.recognition.expectation import Expectation, Share
from fieldguide.recognition.shots import Shots

RECOGNIZERS = [
    TransductiveClassifier(),
    InductiveClassifier(),
    CosineClassifier(),
    OpenSetClassifier(),
    ProbabilisticClassifier(),
    SelfTrainingClassifier(),
    RankingPipeline([("pca", PCA(8, random_state=0)), ("recognizer", TransductiveClassifier())]),
]


def pictures(seed: int, n: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.random.default_rng(0).normal(size=(15, 16))[rng.integers(0, 15, n)] + 0.4 * rng.normal(size=(n, 16))


@pytest.fixture(scope="module")
def gallery():
    centres = np.random.default_rng(0).normal(size=(15, 16))
    labels = np.repeat([f"w_{code}" for code in range(10)], 3)
    return centres[np.repeat(np.arange(10), 3)] + 0.4 * np.random.default_rng(1).normal(size=(30, 16)), labels


@pytest.fixture(scope="module")
def ranking(gallery):
    ranked = TransductiveClassifier().fit(*gallery).rank(pictures(2), k=3)
    return ranked.named([f"{row}.png" for row in range(60)], "new_whale")


def test_a_ranking_is_a_sequence_of_answers(ranking):
    assert len(ranking) == 60
    assert [answer.name for answer in ranking] == [f"{row}.png" for row in range(60)]
    name, labels = ranking[7]
    assert (name, labels) == (ranking["7.png"].name, ranking["7.png"].labels) == list(ranking)[7]
    assert ranking[-1].name == "59.png"
    assert [answer.name for answer in ranking[10:14]] == ["10.png", "11.png", "12.png", "13.png"]
    assert ranking[10:14].probability.shape == (4, 3)
    assert list(ranking.top1()) == [answer.labels[0] for answer in ranking]


def test_what_is_not_there_is_said(ranking):
    with pytest.raises(KeyError, match=r"60\.png"):
        ranking["60.png"]
    with pytest.raises(IndexError):
        ranking[60]
    with pytest.raises(TypeError, match="the number or name of a query, or a slice, not float"):
        ranking[1.5]


def test_rankings_can_be_compared_and_printed(gallery, ranking):
    again = TransductiveClassifier().fit(*gallery).rank(pictures(2), k=3)
    assert ranking == again.named(ranking.names, "new_whale")
    assert ranking != again
    assert ranking[:5] != ranking[5:10]
    assert ranking != "something else"
    assert repr(ranking) == "Ranking of 60 queries, at most 3 labels each, 10 classes"


@pytest.fixture
def drawn(gallery):
    """A ranking of three of ten classes by probabilities that were drawn, the unknown label in any place or in none."""
    rng = np.random.default_rng(3)
    shots, codes = gallery[0].astype(np.float32), np.repeat(np.arange(10), 3)
    candidates = np.array([rng.permutation(10)[:5] for _ in range(60)])
    given_known, known = rng.dirichlet([0.5] * 5, 60), rng.beta(1, 0.5, 60)
    asked = pictures(2).astype(np.float32)
    classes = np.unique(gallery[1])
    ranked = rank_by_probability(Shots.of(shots, codes), classes, asked, candidates, given_known, known, 3)
    ranked = replace(ranked, contamination=0.3, contamination_interval=(0.2, 0.5))
    return ranked.named([f"{row}.png" for row in range(60)], "new_whale")


def test_below_a_probability_nothing_is_named_and_all_else_stays(drawn):
    """Checked answer by answer: the same labels with the same probabilities in the same order, but for the first."""
    ranking, cautious = drawn, drawn.named_above(0.9)
    moved = fell_off = 0
    for row in range(60):
        before, after = (dict(zip(one.labels(row), one.probability[row], strict=False)) for one in (ranking, cautious))
        if before[ranking.labels(row)[0]] >= 0.9 or ranking.is_unknown()[row]:
            assert after == before
            assert list(after) == list(before)
            continue
        moved += 1
        fell_off += "new_whale" not in before
        unknown = before.get("new_whale", ranking.unknown_probability[row])
        others = {label: one for label, one in before.items() if label != "new_whale"}
        assert list(after.items()) == [("new_whale", unknown), *others.items()][:3]
    assert moved > 5
    assert 0 < fell_off < moved
    unmoved = "distractor_score", "contamination", "contamination_interval", "names", "expected"
    assert all(np.array_equal(getattr(cautious, name), getattr(ranking, name)) for name in unmoved)
    assert np.isnan(cautious.similarity[cautious.is_unknown(), 0]).all()
    assert (cautious.nearest[cautious.is_unknown(), 0] == -1).all()

    assert ranking.named_above(0) == ranking
    assert ranking.named_above(1).is_unknown().sum() == (ranking.is_unknown() | (ranking.probability[:, 0] < 1)).sum()
    assert ranking[:9].named_above(0.9) == cautious[:9]
    alone = TransductiveClassifier().fit(np.eye(4), list("abcd")).rank(np.eye(4), k=1).named_above(1)
    assert alone.top1().tolist() == ["-1"] * 4


def test_nothing_is_named_by_probabilities_that_are_none(gallery, ranking):
    for wrong in -0.1, 90, float("nan"):
        with pytest.raises(ValueError, match=f"a probability is from 0 to 1, not {wrong}"):
            ranking.named_above(wrong)
    with pytest.raises(ValueError, match="these names have no probabilities"):
        CosineClassifier().fit(*gallery).rank(pictures(2)).named_above(0.5)


def test_what_is_expected_of_a_ranking_goes_with_it(gallery, ranking):
    expected = Expectation(Share(0.5, 0.4, 0.6), None, Share(0.7, 0.6, 0.8))
    told = replace(ranking, expected=expected)
    assert told != ranking
    for one in told[:9], told.named_above(0.9), told.expanded(range(60), 70), pickle.loads(pickle.dumps(told)):
        assert one.expected == expected
    assert np.isnan(told.expanded(range(60), 70).unknown_probability[60:]).all()
    # another's verdict on distractors is not what was rehearsed
    assert told.with_unknown_first(np.zeros(60, bool), told.distractor_score).expected is None


def test_records_hold_every_answer(ranking):
    records = ranking.to_dicts()
    first = [record for record in records if record["image"] == "0.png"]
    assert [record["label"] for record in first] == ranking[0].labels
    assert [record["rank"] for record in first] == [1, 2, 3]
    assert all(record["unknown"] == (record["label"] == "new_whale") for record in records)
    assert all((record["similarity"] is None) == record["unknown"] for record in records)
    assert sum(record["probability"] for record in first) <= 1 + 1e-6


def test_a_data_frame_is_long_or_wide(ranking):
    pytest.importorskip("pandas")
    long, wide = ranking.to_pandas(), ranking.to_pandas(wide=True)
    assert long.to_dict("records")[0]["label"] == ranking[0].labels[0]
    assert list(long.columns)[:3] == ["image", "rank", "label"]
    assert list(wide["label_1"]) == list(ranking.top1())
    assert list(wide.columns)[-1] == "distractor_score"
    assert len(wide) == 60


def test_without_pandas_a_data_frame_says_how_to_get_it(ranking, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'fieldguide\[pandas\]'"):
        ranking.to_pandas()


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda one: type(one).__name__)
def test_one_fitted_recognizer_serves_many_threads(recognizer, gallery):
    """Eight threads, eight sets of queries: the same as one by one, and nothing that was fitted has changed."""
    recognizer.fit(*gallery)
    before = set(vars(recognizer))
    queries = [pictures(seed, 40 + seed) for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(recognizer.rank, queries))
    assert together == [recognizer.rank(some) for some in queries]
    assert set(vars(recognizer)) == before


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda one: type(one).__name__)
def test_open_set_predictions_are_the_first_answers(recognizer, gallery):
    recognizer.fit(*gallery)
    first = recognizer.rank(pictures(3)).named((), "new").top1()
    assert (recognizer.predict_open_set(pictures(3), unknown="new") == first).all()
    assert set(recognizer.predict(pictures(3))) <= set(gallery[1])


def test_a_pipeline_transforms_before_it_ranks(gallery):
    pipeline = RankingPipeline([("pca", PCA(8, random_state=0)), ("recognizer", CosineClassifier())]).fit(*gallery)
    reduced = PCA(8, random_state=0).fit(gallery[0])
    plain = CosineClassifier().fit(reduced.transform(gallery[0]), gallery[1])
    assert pipeline.rank(pictures(4)) == plain.rank(reduced.transform(pictures(4)))


def test_parameters_of_rule_and_recognizer_can_be_reached():
    classifier = OpenSetClassifier(ProbabilisticClassifier(), ThresholdRule(0.5))
    assert {"rule__threshold", "rule__contamination", "recognizer__classifier"} <= set(classifier.get_params())
    assert classifier.set_params(rule__threshold=0.7).rule.threshold == 0.7


def test_a_rule_around_a_recognizer_hands_it_labelled_distractors_or_refuses_them(gallery):
    others, closed = pictures(9), TransductiveClassifier(contamination=0)
    for recognizer in closed, OpenSetClassifier(closed):
        told = recognizer.fit(*gallery, distractors=others)
        told = getattr(told, "recognizer_", told)
        assert np.array_equal(told.distractors_, others.astype(np.float32))
    for recognizer in None, ProbabilisticClassifier():
        with pytest.raises(TypeError, match=r"distractors= has no use here: neither \w+Classifier nor"):
            OpenSetClassifier(recognizer).fit(*gallery, distractors=others)


def test_a_grid_search_sees_what_the_contamination_does(gallery):
    from fieldguide.evaluation import MeanAveragePrecision, OpenSetSplit

    X, y = gallery
    rows = np.concatenate([np.arange(30)] * 3)
    X, y = X[rows] + 0.3 * np.random.default_rng(5).normal(size=(90, 16)), y[rows]
    search = GridSearchCV(
        OpenSetClassifier(rule=ThresholdRule()),
        {"rule__contamination": [0.0, 0.3, 0.8]},
        scoring=MeanAveragePrecision(k=5),
        cv=OpenSetSplit(3, seed=0),
    ).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 3
    assert search.best_params_ == {"rule__contamination": 0.3}

"""Classifiers of scikit-learn and XGBoost as recognizers, and self-training over any."""

import sys

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.estimator_checks import parametrize_with_checks

from fieldguide import (
    CosineClassifier,
    FieldguideError,
    OpenSetClassifier,
    ProbabilisticClassifier,
    SelfTrainingClassifier,
    XGBoostClassifier,
)
from fieldguide.recognition import NOTHING
from fieldguide.recognition.xgboost import last_shots


def task(classes: int = 12, distractor_classes: int = 6, noise: float = 0.5, each: int = 12, seed: int = 0):
    """Gallery with 3 shots a class, its labels, and queries with their true codes, -1 for a distractor."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes + distractor_classes, 24))
    truth = np.repeat(np.arange(classes + distractor_classes), each)
    queries = centres[truth] + noise * rng.normal(size=(len(truth), 24))
    codes = np.repeat(np.arange(classes), 3)
    gallery = centres[codes] + noise * rng.normal(size=(len(codes), 24))
    return gallery, np.array([f"class {code:02}" for code in codes]), queries, np.where(truth < classes, truth, -1)


@pytest.mark.parametrize(
    "classifier",
    [None, GaussianNB(), RandomForestClassifier(random_state=0), XGBoostClassifier()],
    ids=["logistic", "bayes", "forest", "xgboost"],
)
def test_any_classifier_with_probabilities_ranks_classes(classifier):
    gallery, labels, queries, truth = task()
    recognizer = ProbabilisticClassifier(classifier).fit(gallery, labels)
    ranking = recognizer.rank(queries, k=3)
    known = truth >= 0
    # three shots are few for trees: a class is guessed right one time in twelve
    assert (ranking.codes[known, 0] == truth[known]).mean() > (0.9 if classifier is None else 0.4)
    assert (np.diff(ranking.probability) <= 0).all()
    assert ranking.distractor_score == pytest.approx(1 - ranking.probability[:, 0])
    assert (labels[ranking.nearest] == ranking.classes[ranking.codes]).all()
    assert (recognizer.predict(queries) == ranking.classes[ranking.codes[:, 0]]).all()
    assert recognizer.predict_proba(queries).sum(axis=1) == pytest.approx(1)


def test_a_classifier_works_under_any_distractor_rule_and_for_a_single_class():
    gallery, labels, queries, _ = task()
    ranking = OpenSetClassifier(ProbabilisticClassifier()).fit(gallery, labels).rank(queries)
    assert ranking.is_unknown().mean() == pytest.approx(0.3, abs=0.01)
    alone = ProbabilisticClassifier().fit(gallery[:3], labels[:3]).rank(queries)
    assert (alone.codes == [0, *[NOTHING] * 4]).all()
    assert (alone.probability[:, 0] == 1).all()


def test_xgboost_trains_on_all_shots_but_the_third_which_stops_it():
    codes = np.array([0, 1, 0, 2, 0, 1, 3, 1, 1, 3])
    assert list(np.flatnonzero(last_shots(codes))) == [4, 8]  # classes 2 and 3 have too few to spare one
    gallery, labels, _, _ = task(noise=1.5)
    classifier = XGBoostClassifier(max_trees=12 * 100, patience=2).fit(gallery, labels)
    assert classifier.rounds_ < 100
    assert len(classifier.booster_.evals_result()["validation_0"]["mlogloss"]) <= classifier.rounds_ + 2


def test_the_trees_are_as_many_as_allowed():
    gallery, labels, _, _ = task()
    assert XGBoostClassifier(max_trees=36, patience=100).fit(gallery, labels).rounds_ <= 3


def test_without_xgboost_its_classifier_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    gallery, labels, _, _ = task()
    with pytest.raises(FieldguideError, match=r"not installed: pip install 'fieldguide\[xgboost\]'"):
        XGBoostClassifier().fit(gallery, labels)


# --- self-training -------------------------------------------------------------------------------------------------


def closed(recognizer, gallery, labels, queries, truth) -> float:
    known = truth >= 0
    return float((recognizer.fit(gallery, labels).rank(queries).codes[known, 0] == truth[known]).mean())


def test_sure_queries_teach():
    parts = task(noise=0.9, each=20)
    recognizer = SelfTrainingClassifier()
    assert closed(recognizer, *parts) >= closed(CosineClassifier(), *parts) + 0.02
    explanation = recognizer.rank(parts[2]).explanation
    assert "queries were given labels, in" in explanation
    assert not explanation.startswith("0 ")


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_can_be_known_nothing_is_learned(seed):
    """Labels that mean nothing: no confidence holds on hidden shots, and the answers stay those of the base."""
    rng = np.random.default_rng(seed)
    gallery, labels, queries, _ = task(seed=seed)
    labels = rng.permutation(labels)
    recognizer = SelfTrainingClassifier().fit(gallery, labels)
    ranking = recognizer.rank(queries)
    assert ranking.explanation.startswith("0 queries")
    assert (ranking.codes == CosineClassifier().fit(gallery, labels).rank(queries).codes).all()


def test_too_few_shots_to_hide_prove_nothing():
    gallery, labels, queries, _ = task()
    recognizer = SelfTrainingClassifier().fit(gallery[::3], labels[::3])
    assert (
        recognizer.rank(queries).codes == CosineClassifier().fit(gallery[::3], labels[::3]).rank(queries).codes
    ).all()


def test_nearest_pictures_are_of_the_gallery_and_of_the_class():
    gallery, labels, queries, _ = task(noise=0.6, each=20)
    ranking = SelfTrainingClassifier().fit(gallery, labels).rank(queries)
    assert (labels[ranking.nearest] == ranking.classes[ranking.codes]).all()
    assert ranking.similarity.max() < 1 - 1e-6  # not to the query itself, though it was given a label


@parametrize_with_checks(
    [
        ProbabilisticClassifier(),
        ProbabilisticClassifier(XGBoostClassifier(max_trees=60)),
        XGBoostClassifier(max_trees=60),
        SelfTrainingClassifier(),
    ],
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_self_training_answers_a_query_otherwise_among_others():
    """Its answers depend on the other queries; in scikit-learn's checks too few shots can be held out to show it."""
    gallery, labels, queries, _ = task(noise=0.9, each=20)
    recognizer = SelfTrainingClassifier().fit(gallery, labels)
    alone = np.concatenate([recognizer.predict(queries[row : row + 1]) for row in range(0, len(queries), 4)])
    assert (recognizer.predict(queries)[::4] != alone).any()

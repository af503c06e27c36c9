"""The distractor rules that cluster: against what was put in, and against scikit-learn's DBSCAN at every eps."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import DBSCAN

from fieldguide import (
    CosineClassifier,
    DBSCANRule,
    EVoCRule,
    FieldguideError,
    HDBSCANRule,
    OpenSetClassifier,
)
from fieldguide.evaluation.metrics import Separation
from fieldguide.recognition.distractors.clusters import graded_score, without_gallery, youden_index
from fieldguide.recognition.distractors.dbscan import knee_of_distances
from fieldguide.recognition.distractors.plane import chain_distances, near_distances


@pytest.fixture(scope="module")
def clusters():
    """Six known classes with 3 pictures and 12 queries each, three kinds of distractors with 15, two of no kind."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(9, 24))

    def around(kinds: range, n: int) -> np.ndarray:
        return np.concatenate([centres[kind] + 0.08 * rng.normal(size=(n, 24)) for kind in kinds])

    gallery = around(range(6), 3)
    queries = np.concatenate([around(range(6), 12), around(range(6, 9), 15), 3 * rng.normal(size=(2, 24))])
    foreign = np.arange(len(queries)) >= 6 * 12
    order = rng.permutation(len(queries))
    lengths = rng.uniform(0.1, 10, (len(queries), 1))  # only the direction of an embedding counts
    return (
        gallery.astype(np.float32),
        np.repeat(np.arange(6), 3),
        (queries * lengths)[order].astype(np.float32),
        foreign[order],
    )


RULES = {
    "dbscan": DBSCANRule(),
    "dbscan-embedding": DBSCANRule("embedding"),
    "hdbscan": HDBSCANRule(),
    "evoc": EVoCRule(),
}
EVOC = pytest.param("evoc", marks=pytest.mark.long)  # its first import compiles for a minute


@pytest.mark.parametrize("name", ["dbscan", "dbscan-embedding", "hdbscan", EVOC])
def test_clusters_without_a_gallery_picture_are_distractors(name, clusters):
    if name == "evoc":
        pytest.importorskip("evoc")
    gallery, labels, queries, foreign = clusters
    recognizer = OpenSetClassifier(rule=RULES[name]).fit(gallery, labels)
    ranking = recognizer.rank(queries)
    # in the plane a query at the edge of a cluster may be noise; in the embedding the clusters are far apart
    assert (ranking.is_unknown() != foreign).sum() <= (0 if name == "dbscan-embedding" else 3)
    assert ranking.rejection_summary.startswith(
        name.split("-", maxsplit=1)[0].upper().replace("EVOC", "EVoC") + " in the "
    )
    assert Separation(foreign, ranking.distractor_score).auroc(np.ones(len(foreign))) > 0.98
    called = ranking.is_unknown()
    assert ranking.distractor_score[called].min() > ranking.distractor_score[~called].max()


@pytest.mark.parametrize("rule", [DBSCANRule(seed=3), HDBSCANRule(seed=3)])
def test_the_plane_depends_on_nothing_but_the_seed(rule, clusters):
    gallery, labels, queries, _ = clusters
    ranking = CosineClassifier().fit(gallery, labels).rank(queries)
    first, again = (rule.judge(gallery, labels, queries, ranking) for _ in range(2))
    assert first.summary == again.summary
    assert (first.score == again.score).all()


@pytest.mark.parametrize("rule", [DBSCANRule(), DBSCANRule("embedding"), HDBSCANRule()])
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (3, 4), (8, 12)])
@pytest.mark.parametrize("equal", [True, False], ids=["all equal", "all different"])
def test_the_smallest_tasks_have_a_verdict(rule, shape, equal):
    rng = np.random.default_rng(2)
    gallery, queries = (np.ones((n, 8)) if equal else rng.normal(size=(n, 8)) for n in shape)
    for labels in np.arange(shape[0]), np.arange(shape[0]) // 2:
        classifier = OpenSetClassifier(rule=rule).fit(gallery, labels)
        ranking = classifier.rank(queries)
        assert len(ranking) == shape[1]
        assert np.isfinite(ranking.distractor_score).all()
        assert not (equal and isinstance(rule, DBSCANRule) and rule.space == "tsne" and ranking.is_unknown().any())


def test_too_few_pictures_for_evoc_are_no_clusters(clusters):
    pytest.importorskip("evoc", exc_type=ImportError)
    gallery, labels, queries, _ = clusters
    assert not OpenSetClassifier(rule=EVoCRule()).fit(gallery, labels).rank(queries[:3]).is_unknown().any()


def test_without_evoc_its_rule_says_what_to_install(clusters, monkeypatch):
    monkeypatch.setitem(sys.modules, "evoc", None)
    gallery, labels, queries, _ = clusters
    with pytest.raises(FieldguideError, match=r"not installed: pip install 'fieldguide\[evoc\]'"):
        OpenSetClassifier(rule=EVoCRule()).fit(gallery, labels).rank(queries)


# --- eps -----------------------------------------------------------------------------------------------------------


def test_eps_may_be_given(clusters):
    gallery, labels, queries, foreign = clusters
    ranking = CosineClassifier().fit(gallery, labels).rank(queries)
    shares = [DBSCANRule("embedding", eps=eps).judge(gallery, labels, queries, ranking) for eps in (1e-4, 0.3, 2.0)]
    assert shares[0].is_distractor.all()  # all is noise
    assert (shares[1].is_distractor == foreign).all()
    assert not shares[2].is_distractor.any()  # all is one cluster
    assert "eps 0.3, 9 clusters" in shares[1].summary


def test_of_one_shot_a_class_the_knee_gives_eps(clusters):
    gallery, labels, queries, foreign = clusters
    recognizer = OpenSetClassifier(rule=DBSCANRule("embedding")).fit(gallery[::3], labels[::3])
    assert (recognizer.rank(queries).is_unknown() != foreign).mean() < 0.2


def test_the_knee_lies_between_the_distances_inside_clusters_and_those_of_outliers():
    rng = np.random.default_rng(1)
    inside = np.concatenate([centre + rng.normal(scale=0.1, size=(60, 2)) for centre in ((0, 0), (9, 0), (0, 9))])
    outliers = rng.uniform(-30, 30, (12, 2))
    knee = knee_of_distances(np.concatenate([inside, outliers]), 4)
    assert 0.05 < knee < 3


@pytest.mark.parametrize("points", [np.zeros((1, 2)), np.zeros((9, 2)), np.eye(2), np.arange(6.0)[:, None]])
def test_there_is_an_eps_above_zero_for_any_points(points):
    assert knee_of_distances(points, 4) > 0


# --- the arithmetic of the parts -----------------------------------------------------------------------------------


@given(seed=st.integers(0, 1000), n_gallery=st.integers(1, 6), n=st.integers(2, 40), eps=st.floats(0.05, 3))
def test_the_chain_to_the_gallery_says_from_which_eps_on_a_query_is_known(seed, n_gallery, n, eps):
    points = np.random.default_rng(seed).normal(size=(n_gallery + n, 2))
    longest = chain_distances(near_distances(points), n_gallery)
    cluster = DBSCAN(eps=eps, min_samples=2).fit_predict(points)
    assert ((longest > eps) == without_gallery(cluster, n_gallery)).all()


def test_points_on_one_spot_are_near():
    graph = near_distances(np.array([[0.0, 0], [0, 0], [5, 5]]))
    assert 0 < graph[0, 1] < 1e-6
    assert chain_distances(graph, 1)[0] < 1e-6


@given(
    cluster=st.lists(st.integers(-1, 3), min_size=1, max_size=12),
    codes=st.lists(st.integers(0, 3), min_size=12, max_size=12),
)
def test_the_youden_index_counts_what_it_says(cluster, codes):
    cluster, codes = np.array(cluster), np.unique(codes[: len(cluster)], return_inverse=True)[1]
    known, missed = [], []
    for row, (mine, code) in enumerate(zip(cluster, codes, strict=True)):
        others = [other for other in range(len(codes)) if other != row and cluster[other] == mine != -1]
        missed.append(any(codes[other] != code for other in others))
        if (codes == code).sum() > 1:
            known.append(bool(others))
    score = youden_index(cluster, codes)
    if known:
        assert score == pytest.approx(np.mean(known) - np.mean(missed))
    else:
        assert np.isnan(score)


def test_grades_keep_to_the_verdict_and_then_to_the_distance():
    score = graded_score(np.array([True, False, False, True]), np.array([0.5, 2, np.inf, 3]))
    assert list(np.argsort(score)) == [1, 2, 0, 3]
    assert score.min() >= 0
    assert score.max() < 1

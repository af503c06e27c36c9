"""From embeddings to rankings: against brute force, against what was put in, and as scikit-learn's estimators."""

import inspect

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from fieldguide import (
    CosineClassifier,
    DBSCANRule,
    EVoCRule,
    HDBSCANRule,
    OpenSetClassifier,
    Ranking,
    ThresholdRule,
)
from fieldguide.recognition import NOTHING, neighbours
from fieldguide.recognition.distractors import NoRule

SMALL = st.integers(-3, 3)  # few values: many ties


def matrices(values: st.SearchStrategy, rows: st.SearchStrategy | int, columns: st.SearchStrategy | int):
    def size(of: st.SearchStrategy | int) -> st.SearchStrategy:
        return st.just(of) if isinstance(of, int) else of

    return st.tuples(size(rows), size(columns)).flatmap(
        lambda shape: arrays.arrays(np.float32, shape, elements=values.map(float))
    )


# --- largest and unit rows -----------------------------------------------------------------------------------------


@given(values=matrices(SMALL, st.integers(0, 6), st.integers(1, 12)), data=st.data())
def test_largest_gives_what_a_stable_sort_gives(values, data):
    k = data.draw(st.integers(1, values.shape[1]))
    expected = np.argsort(-values, axis=1, kind="stable")[:, :k]
    assert (neighbours.largest(values, k) == expected).all()


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@given(rows=matrices(FINITE, st.integers(0, 5), st.integers(1, 6)))
def test_unit_rows_have_length_one_and_the_same_direction(rows):
    unit = neighbours.unit_rows(rows)
    assert unit.dtype == np.float32
    for row, of_length_one in zip(rows.astype(float), unit, strict=True):
        if not row.any():
            assert not of_length_one.any()
        else:
            scaled = row / np.abs(row).max()
            assert of_length_one == pytest.approx(scaled / np.linalg.norm(scaled), abs=1e-6)


@given(rows=matrices(st.integers(-100, 100), 3, 4), power=st.integers(-30, 30))
def test_unit_rows_do_not_depend_on_scale(rows, power):
    assert (neighbours.unit_rows(rows) == neighbours.unit_rows(rows * np.float32(2.0**power))).all()


@pytest.mark.parametrize(("rows", "columns"), [(0, 5), (1, 5), (10, 1), (7, 3), (5, 10**9)])
def test_blocks_cover_all_rows_once_and_stay_small(rows, columns):
    slices = list(neighbours.blocks(rows, columns))
    assert [row for part in slices for row in range(part.start, part.stop)] == list(range(rows))
    for part in slices:
        assert (part.stop - part.start) * columns * 4 <= max(neighbours.BLOCK_BYTES, columns * 4)


# --- CosineClassifier ----------------------------------------------------------------------------------------------


@st.composite
def tasks(draw):
    """A gallery with labels in any order, queries, k."""
    dim = draw(st.integers(1, 5))
    gallery = draw(matrices(SMALL, st.integers(1, 12), dim))
    queries = draw(matrices(SMALL, st.integers(1, 9), dim))
    labels = draw(st.lists(st.sampled_from(["b", "a", "10", "9", "d"]), min_size=len(gallery), max_size=len(gallery)))
    return gallery, np.array(labels), queries, draw(st.integers(1, 7))


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / lengths) if lengths else 0.0


@given(task=tasks(), block=st.sampled_from([1, 64, 1 << 20]))
def test_ranks_are_those_of_brute_force(task, block):
    """Whatever the size of the blocks, from one query at a time to all at once."""
    gallery, labels, queries, k = task
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK_BYTES", block)
        ranking = CosineClassifier().fit(gallery, labels).rank(queries, k)

    classes = sorted(set(labels))
    assert list(ranking.classes) == classes
    assert ranking.codes.shape == (len(queries), k)
    for row, query in enumerate(queries.astype(float)):
        to_pictures = np.array([cosine(query, picture) for picture in gallery.astype(float)])
        best = {label: to_pictures[labels == label].max() for label in classes}
        given_labels = ranking.labels(row)
        n = len(given_labels)
        assert n == min(k, len(classes)) == len(set(given_labels))
        assert (ranking.codes[row, n:] == NOTHING).all()
        assert (ranking.nearest[row, n:] == -1).all()
        assert np.isnan(ranking.similarity[row, n:]).all()

        similarity = ranking.similarity[row, :n]
        assert similarity == pytest.approx([best[label] for label in given_labels], abs=1e-6)
        assert similarity == pytest.approx(sorted(best.values(), reverse=True)[:n], abs=1e-6)
        assert (np.diff(similarity) <= 1e-6).all()
        nearest = ranking.nearest[row, :n]
        assert list(labels[nearest]) == given_labels
        assert to_pictures[nearest] == pytest.approx(similarity, abs=1e-6)
        assert ranking.distractor_score[row] == pytest.approx(1 - max(best.values()), abs=1e-6)


def test_of_equals_the_first_class_and_the_first_picture_come_first():
    """Two classes with the same pictures, the later label first in the gallery."""
    gallery = np.array([[0, 1], [1, 0], [1, 0], [1, 0], [1, 0]], np.float32)
    ranking = CosineClassifier().fit(gallery, np.array(["b", "b", "b", "a", "a"])).rank(np.array([[2.0, 0]]), 2)
    assert ranking.labels(0) == ["a", "b"]
    assert list(ranking.nearest[0]) == [3, 1]


def test_labels_may_be_numbers_too():
    recognizer = CosineClassifier().fit([[0.0, 1], [1, 0]], [20, 3])
    assert list(recognizer.predict([[1.0, 0.1], [0.1, 1]])) == [3, 20]
    assert recognizer.rank([[1.0, 0.1]]).labels(0) == ["3", "20"]


def test_predict_is_the_first_of_rank():
    rng = np.random.default_rng(0)
    gallery, labels, queries = rng.normal(size=(30, 8)), rng.choice(list("abcdef"), 30), rng.normal(size=(50, 8))
    for recognizer in CosineClassifier(), OpenSetClassifier(rule=NoRule()):
        recognizer.fit(gallery, labels)
        first = [labels[0] for _, labels in recognizer.rank(queries)]
        assert list(recognizer.predict(queries)) == first


@pytest.mark.parametrize("k", [0, -1])
def test_no_labels_at_all_is_refused(k):
    with pytest.raises(ValueError, match=f"k must be at least 1, not {k}"):
        CosineClassifier().fit([[1.0]], ["a"]).rank([[1.0]], k)


# --- rankings ------------------------------------------------------------------------------------------------------


def check(ranking: Ranking, k: int) -> None:
    """Check what holds of every ranking."""
    for row, (name, labels) in enumerate(ranking):
        assert name == (ranking.names[row] if len(ranking.names) else str(row))
        n = len(labels)
        assert 1 <= n <= k
        assert len(set(labels)) == n
        codes = ranking.codes[row]
        assert (codes[n:] == NOTHING).all()
        assert (codes[:n] != NOTHING).all()
        known = codes >= 0
        assert (np.diff(ranking.similarity[row][known]) <= 1e-6).all()
        assert np.isnan(ranking.similarity[row][~known]).all()
        assert ((ranking.nearest[row] >= 0) == known).all()


@given(task=tasks(), data=st.data())
def test_the_unknown_label_goes_first_and_the_last_label_falls_off(task, data):
    gallery, labels, queries, k = task
    before = CosineClassifier().fit(gallery, labels).rank(queries, k)
    flags = np.array(data.draw(st.lists(st.booleans(), min_size=len(queries), max_size=len(queries))), bool)
    score = np.arange(len(queries), dtype=np.float64)
    after = before.with_unknown_first(flags, score)
    check(before, k)
    check(after, k)
    assert (after.is_unknown() == flags).all()
    assert (after.distractor_score == score).all()
    for row, flag in enumerate(flags):
        expected = ["-1", *before.labels(row)][:k] if flag else before.labels(row)
        assert after.labels(row) == expected
    assert not before.is_unknown().any()  # and the one before stays as it was


@given(task=tasks(), data=st.data())
def test_queries_that_could_not_be_read_are_unknown_and_the_others_keep_their_answers(task, data):
    gallery, labels, queries, k = task
    n = len(queries) + data.draw(st.integers(0, 4))
    rows = sorted(data.draw(st.permutations(range(n)))[: len(queries)])
    before = CosineClassifier().fit(gallery, labels).rank(queries, k)
    names = [f"{row}.png" for row in range(n)]
    after = before.expanded(rows, n).named(names, "new_whale")
    check(after, k)
    given_labels = dict(after)
    assert list(given_labels) == names
    for row, name in enumerate(names):
        if row in rows:
            assert given_labels[name] == before.labels(rows.index(row))
            assert after.distractor_score[row] == before.distractor_score[rows.index(row)]
        else:
            assert given_labels[name] == ["new_whale"]
            assert after.distractor_score[row] >= before.distractor_score.max()


# --- threshold -----------------------------------------------------------------------------------------------------


def similar(similarity: np.ndarray) -> Ranking:
    """A ranking of one class with these similarities."""
    n, similarity = len(similarity), similarity.astype(np.float32)
    column = similarity[:, None]
    blank = np.full((n, 1), np.nan, np.float32)
    return Ranking(np.array(["a"]), np.zeros((n, 1), int), column, np.zeros((n, 1), int), 1 - similarity, blank)


NONE, NO_CODES = np.empty((0, 1), np.float32), np.empty(0, int)
SIMILARITIES = arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(-1, 1, width=32), unique=True)


@given(similarity=SIMILARITIES, share=st.floats(0, 1))
def test_the_threshold_rejects_the_share_that_is_expected(similarity, share):
    verdict = ThresholdRule(contamination=share).judge(NONE, NO_CODES, NONE, similar(similarity))
    rejected = verdict.is_distractor
    assert abs(rejected.sum() - share * len(similarity)) <= 0.5
    assert verdict.contamination == pytest.approx(rejected.mean())
    if rejected.any() and not rejected.all():
        assert similarity[rejected].max() < similarity[~rejected].min()
        assert verdict.score[rejected].min() >= verdict.score[~rejected].max()


@given(
    similarity=arrays.arrays(np.float32, st.integers(1, 40), elements=st.sampled_from([0.1, 0.5, 0.75])),
    share=st.floats(0, 1),
)
def test_equals_are_rejected_together_or_not_at_all(similarity, share):
    rejected = ThresholdRule(contamination=share).judge(NONE, NO_CODES, NONE, similar(similarity)).is_distractor
    assert rejected.sum() <= share * len(similarity) + 0.5
    assert not set(similarity[rejected]) & set(similarity[~rejected])


def test_a_threshold_is_used_as_given_and_said():
    verdict = ThresholdRule(threshold=0.78).judge(NONE, NO_CODES, NONE, similar(np.array([0.5, 0.78, 0.77, 0.9])))
    assert list(verdict.is_distractor) == [True, False, True, False]
    assert verdict.summary == "similarity below 0.780000 (as given)"


# --- scikit-learn --------------------------------------------------------------------------------------------------


@parametrize_with_checks([CosineClassifier(), OpenSetClassifier()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def labelled():
    """Four classes that differ in direction in two of ten columns; the other eight are noise."""
    rng = np.random.default_rng(4)
    y = np.repeat(["007", "1e5", "NA", "True"], 20)
    X = rng.normal(scale=0.2, size=(80, 10))
    X[:, :2] += np.repeat([[3, 0], [0, 3], [-3, 0], [0, -3]], 20, axis=0)
    return X, y


def test_recognizers_work_in_pipelines_and_searches(labelled):
    X, y = labelled
    search = GridSearchCV(make_pipeline(PCA(random_state=0), CosineClassifier()), {"pca__n_components": [1, 2]}, cv=4)
    search.fit(X, y)
    assert search.best_params_ == {"pca__n_components": 2}
    assert search.best_score_ == 1
    assert list(search.predict(X[::20])) == ["007", "1e5", "NA", "True"]
    assert cross_val_score(OpenSetClassifier(), X, y, cv=4).mean() == 1


def test_rules_can_be_chosen_by_a_search(labelled):
    """By a scorer that counts the share of queries called distractors."""
    X, y = labelled

    def half_rejected(classifier: OpenSetClassifier, X: np.ndarray, _: np.ndarray) -> float:
        return -abs(classifier.rank(X).is_unknown().mean() - 0.5)

    rules = [ThresholdRule(contamination=share) for share in (0.0, 0.5, 1.0)]
    search = GridSearchCV(OpenSetClassifier(), {"rule": rules}, scoring=half_rejected, cv=4).fit(X, y)
    assert search.best_params_["rule"] == ThresholdRule(contamination=0.5)


def test_a_clone_has_the_parameters_and_nothing_learnt(labelled):
    original = OpenSetClassifier(CosineClassifier(), ThresholdRule(threshold=0.9)).fit(*labelled)
    copy = clone(original)
    assert copy.get_params()["rule"] == ThresholdRule(threshold=0.9)
    assert copy.recognizer is not original.recognizer
    assert not hasattr(copy, "classes_")
    assert (copy.fit(*labelled).rank(labelled[0]).codes == original.rank(labelled[0]).codes).all()


RULES = [
    ThresholdRule(threshold=0.7),
    DBSCANRule("embedding", eps=0.3),
    HDBSCANRule(min_samples=3),
    EVoCRule(seed=3),
    NoRule(),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_rules_are_estimators_whose_parameters_can_be_read_and_set(rule):
    parameters = rule.get_params()
    assert set(parameters) == set(inspect.signature(type(rule)).parameters)
    assert type(rule)(**parameters).get_params() == clone(rule).get_params() == parameters
    assert repr(rule).startswith(f"{type(rule).__name__}(")
    assert all(
        f"{name}=" in repr(rule) for name, value in parameters.items() if value != type(rule)().get_params()[name]
    )
    classifier = OpenSetClassifier(rule=clone(rule))
    assert {f"rule__{name}" for name in parameters} <= set(classifier.get_params())
    for name in parameters:
        assert getattr(classifier.set_params(**{f"rule__{name}": 2}).rule, name) == 2
    assert rule.get_params() == parameters
    with pytest.raises(ValueError, match="Invalid parameter 'radius'"):
        rule.set_params(radius=1)


@given(task=tasks())
def test_fitting_changes_neither_data_nor_the_recognizer_given(task):
    gallery, labels, queries, k = task
    assume(len(set(labels)) > 1)
    copies = gallery.copy(), queries.copy()
    given_recognizer = CosineClassifier()
    OpenSetClassifier(given_recognizer).fit(gallery, labels).rank(queries, k)
    assert not hasattr(given_recognizer, "classes_")
    assert (gallery == copies[0]).all()
    assert (queries == copies[1]).all()

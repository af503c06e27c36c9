"""The default recognizer on classes and distractors whose embeddings are drawn."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from drawn_task import average_precision, task
from fieldguide import CosineClassifier, InductiveClassifier, ProbabilisticClassifier, TransductiveClassifier
from fieldguide.recognition import NOTHING, UNKNOWN, PowerCentring, WithinClassWhitening
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.episodes import draw_episodes, representativeness
from fieldguide.recognition.neighbours import nearest, unit_rows
from fieldguide.recognition.propagation import ALPHA, ROUNDS, neighbour_graph, propagate
from fieldguide.recognition.scatter import class_means, within_class_scatter

TRANSDUCTIVE = {
    "check_methods_subset_invariance": "a query is answered with the help of the others: the recognizer is for that",
    "check_methods_sample_order_invariance": "their order decides which of equals is first, and how sums are rounded",
}


@pytest.mark.parametrize("shots", [1, 2, 3, 5])
def test_it_beats_cosine_and_the_share_it_is_not_told(shots):
    gallery, labels, queries, truth = task(shots=shots)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    ranking = recognizer.rank(queries)
    plain = CosineClassifier().fit(gallery, labels).rank(queries)
    assert average_precision(ranking, truth) > average_precision(plain, truth) + 0.2
    if shots > 1:  # of one shot none can be hidden, and the estimate is rough
        assert ranking.contamination == pytest.approx(1 / 3, abs=0.15)  # thirty classes do not show it better
        low, high = ranking.contamination_interval
        assert low <= 1 / 3 <= high


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_with_one_shot_a_class_the_surest_queries_teach_what_varies_within_classes(seed, monkeypatch):
    gallery, labels, queries, truth = task(shots=1, each=30, seed=seed)
    taught = TransductiveClassifier().fit(gallery, labels).rank(queries)
    monkeypatch.setattr("fieldguide.recognition.evidence.GUESSED", 0)
    untaught = TransductiveClassifier().fit(gallery, labels).rank(queries)
    assert average_precision(taught, truth) > average_precision(untaught, truth) + 0.04


@pytest.mark.parametrize("distractor_classes", [0, 15, 60])
def test_the_contamination_is_estimated(distractor_classes):
    gallery, labels, queries, truth = task(distractor_classes=distractor_classes)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    ranking = recognizer.rank(queries)
    assert ranking.contamination == pytest.approx((truth == UNKNOWN).mean(), abs=0.1)
    assert f"{ranking.contamination:.2f}" in ranking.rejection_summary


def test_answers_are_sorted_by_probability_and_no_label_stands_twice():
    gallery, labels, queries, _ = task()
    ranking = TransductiveClassifier().fit(gallery, labels).rank(queries, k=6)
    assert (np.diff(ranking.probability, axis=1) <= 1e-6).all()
    assert (np.nansum(ranking.probability, axis=1) <= 1 + 1e-5).all()
    assert all(len(set(row)) == 6 for row in ranking.codes)
    assert (ranking.codes != NOTHING).all()
    unknown = ranking.codes == UNKNOWN
    assert np.isnan(ranking.similarity[unknown]).all()
    assert (ranking.nearest[unknown] == -1).all()
    known = ~unknown
    assert (labels[ranking.nearest[known]] == ranking.classes[ranking.codes[known]]).all()


@pytest.mark.parametrize("noise", [0.7, 0.9])
def test_probabilities_mean_what_they_say(noise):
    gallery, labels, queries, truth = task(noise=noise, each=30)
    ranking = TransductiveClassifier().fit(gallery, labels).rank(queries)
    sure, right = ranking.probability[:, 0], ranking.codes[:, 0] == truth
    assert sure.mean() == pytest.approx(right.mean(), abs=0.15)


@pytest.mark.parametrize("contamination", [0, 0.3, 0.6, 1])
def test_a_contamination_that_is_told_is_kept(contamination):
    gallery, labels, queries, _ = task()
    recognizer = TransductiveClassifier(contamination=contamination).fit(gallery, labels)
    ranking = recognizer.rank(queries, k=17)  # eight classes from the graph, eight from the means, and none of them
    unknown = np.where(ranking.codes == UNKNOWN, ranking.probability, 0).sum(axis=1)
    assert unknown.mean() == pytest.approx(contamination, abs=0.02)  # some that know nothing are among them
    assert ranking.rejection_summary == f"contamination {contamination:.2f}, as given"
    if contamination == 0:
        assert not ranking.is_unknown().any()
        assert (ranking.classes[ranking.codes[:, 0]] == recognizer.predict(queries)).all()


def test_a_contamination_that_is_no_share_is_refused():
    with pytest.raises(ValueError, match="a share from 0 to 1, not 30"):
        TransductiveClassifier(contamination=30).fit(np.eye(4), list("aabb"))


def test_the_same_input_gives_the_same_answers():
    gallery, labels, queries, _ = task()
    first, second = (TransductiveClassifier(seed=3).fit(gallery, labels).rank(queries) for _ in range(2))
    assert first.codes.tobytes() == second.codes.tobytes()
    assert first.probability.tobytes() == second.probability.tobytes()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 2, 1), (5, 1, 3), (12, 4, 1), (12, 12, 30)])
def test_the_smallest_tasks_are_answered(shape):
    pictures, classes, queries = shape
    rng = np.random.default_rng(0)
    labels = np.arange(pictures) % classes
    ranking = TransductiveClassifier().fit(rng.normal(size=(pictures, 8)), labels).rank(rng.normal(size=(queries, 8)))
    answers = (ranking.codes != NOTHING).sum(axis=1)
    assert (answers == min(5, classes + 1)).all()


def test_pictures_that_are_all_alike_are_answered():
    ranking = TransductiveClassifier().fit(np.zeros((6, 5)), list("aabbcc")).rank(np.zeros((4, 5)))
    assert np.isfinite(ranking.probability[:, :4]).all()


@parametrize_with_checks(
    [TransductiveClassifier(), InductiveClassifier(), PowerCentring(), WithinClassWhitening()],
    expected_failed_checks=lambda one: TRANSDUCTIVE if isinstance(one, TransductiveClassifier) else {},
    xfail_strict=True,
)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_a_query_is_answered_otherwise_among_others():
    gallery, labels, queries, _ = task()
    recognizer = TransductiveClassifier().fit(gallery, labels)
    assert not np.allclose(recognizer.predict_proba(queries)[:9], recognizer.predict_proba(queries[:9]), atol=1e-3)
    assert (recognizer.predict(queries)[:9] != recognizer.predict(queries[:9])).any()


@pytest.mark.parametrize("recognizer", [TransductiveClassifier(), InductiveClassifier()])
@pytest.mark.parametrize("shots", [1, 3])
def test_probabilities_of_classes_agree_with_predict(recognizer, shots):
    gallery, labels, queries, truth = task(shots=shots, noise=0.7)
    queries[3] = 0
    probability = recognizer.fit(gallery, labels).predict_proba(queries)
    assert probability.shape == (len(queries), 30)
    assert np.allclose(probability.sum(axis=1), 1)
    assert (recognizer.classes_[probability.argmax(axis=1)] == recognizer.predict(queries)).all()
    assert ((probability > 0).sum(axis=1) <= 18).all()
    known = truth != UNKNOWN
    assert probability[known, truth[known]].mean() > 0.4


@pytest.mark.parametrize("recognizer", [TransductiveClassifier(), InductiveClassifier()])
def test_of_equally_probable_classes_predict_and_probabilities_give_the_same(recognizer):
    """Every class has the same pictures."""
    gallery = np.tile(np.random.default_rng(0).normal(size=(3, 8)), (5, 1))
    recognizer.fit(gallery, np.repeat(list("edcba"), 3))
    queries = gallery[:3] + 0.01
    assert list(recognizer.classes_[recognizer.predict_proba(queries).argmax(axis=1)]) == list(
        recognizer.predict(queries)
    )


@pytest.mark.parametrize("transformer", [PowerCentring(), WithinClassWhitening(dim=5)])
def test_transformers_name_their_columns_and_give_data_frames(transformer):
    pd = pytest.importorskip("pandas")
    gallery, labels, _, _ = task(classes=4)
    frame = pd.DataFrame(gallery, columns=[f"e{column}" for column in range(34)])
    plain = clone(transformer).fit(frame, labels).transform(frame)
    framed = clone(transformer).set_output(transform="pandas").fit(frame, labels)
    names = [f"withinclasswhitening{n}" for n in range(5)] if plain.shape[1] == 5 else list(frame.columns)
    assert isinstance(plain, np.ndarray)
    assert list(framed.get_feature_names_out()) == list(framed.transform(frame).columns) == names
    assert (framed.transform(frame).to_numpy() == plain).all()


@pytest.mark.parametrize(
    "recognizer",
    [
        TransductiveClassifier(),
        InductiveClassifier(),
        ProbabilisticClassifier(),
        make_pipeline(PowerCentring(), WithinClassWhitening(), CosineClassifier()),
    ],
    ids=["transductive", "inductive", "logistic", "pipeline"],
)
def test_recognizers_work_where_scikit_learn_is_set_to_give_data_frames(recognizer):
    pytest.importorskip("pandas")
    gallery, labels, queries, _ = task(classes=8)
    plain = clone(recognizer).fit(gallery, labels)
    predicted = plain.predict(queries)
    probability = plain.predict_proba(queries) if hasattr(plain, "predict_proba") else None
    with config_context(transform_output="pandas"), warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = clone(recognizer).fit(gallery, labels)
        assert (fitted.predict(queries) == predicted).all()
        assert probability is None or (fitted.predict_proba(queries) == probability).all()


def test_the_parts_work_in_a_pipeline_of_scikit_learn():
    gallery, labels, queries, truth = task(distractor_classes=0)
    adapted = make_pipeline(PowerCentring(), WithinClassWhitening(), CosineClassifier()).fit(gallery, labels)
    plain = CosineClassifier().fit(gallery, labels)
    names = np.unique(labels)[truth]
    assert adapted.score(queries, names) > plain.score(queries, names) + 0.1
    whole = make_pipeline(StandardScaler(), TransductiveClassifier())
    assert clone(whole).fit(gallery, labels).score(queries, names) > adapted.score(queries, names)


def test_the_recognizers_work_in_a_grid_search():
    gallery, labels, queries, truth = task(distractor_classes=0, shots=4, classes=12)
    whole = make_pipeline(StandardScaler(), TransductiveClassifier())
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    search = GridSearchCV(whole, {"standardscaler": [StandardScaler(), "passthrough"]}, cv=folds).fit(gallery, labels)
    assert search.best_score_ > 0.5
    names = np.unique(labels)[truth]
    assert search.score(queries, names) > CosineClassifier().fit(gallery, labels).score(queries, names)


# --- one query at a time -------------------------------------------------------------------------------------------


def test_alone_a_query_gets_the_answer_it_gets_among_others():
    gallery, labels, queries, _ = task()
    recognizer = InductiveClassifier().fit(gallery, labels)
    together = recognizer.rank(queries)
    for row in range(0, len(queries), 60):
        alone = recognizer.rank(queries[row : row + 1])
        assert alone.labels(0) == together.labels(row)
        assert np.allclose(alone.probability[0], together.probability[row], atol=1e-4)


@pytest.mark.parametrize("shots", [1, 3])
def test_alone_a_query_is_answered_better_than_by_cosine(shots):
    gallery, labels, queries, truth = task(shots=shots)
    recognizer = InductiveClassifier().fit(gallery, labels)
    ranking = recognizer.rank(queries)
    plain = CosineClassifier().fit(gallery, labels).rank(queries)
    assert average_precision(ranking, truth) > average_precision(plain, truth) + 0.1
    assert (np.diff(ranking.probability, axis=1) <= 1e-6).all()
    assert "expected" in ranking.rejection_summary
    if shots > 1:
        distractor = truth == UNKNOWN
        assert np.median(ranking.distractor_score[distractor]) > np.median(ranking.distractor_score[~distractor]) + 0.1


def test_alone_no_query_is_unknown_where_no_distractor_is_expected():
    gallery, labels, queries, _ = task()
    recognizer = InductiveClassifier(contamination=0).fit(gallery, labels)
    ranking = recognizer.rank(queries)
    assert not (ranking.codes == UNKNOWN).any()
    assert (ranking.classes[ranking.codes[:, 0]] == recognizer.predict(queries)).all()
    with pytest.raises(ValueError, match="a share from 0 to 1, not 30"):
        InductiveClassifier(contamination=30).fit(gallery, labels)
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        recognizer.rank(queries, k=0)


def test_a_few_queries_at_once_are_judged_by_what_they_are_not_by_how_many():
    gallery, labels, queries, truth = task(noise=0.6)
    recognizer = TransductiveClassifier().fit(gallery, labels)
    known, distractor = ([recognizer.rank(queries[row : row + 1]) for row in rows[:4]] for rows in (
        np.flatnonzero(truth != UNKNOWN), np.flatnonzero(truth == UNKNOWN)))  # fmt: skip
    right = [one.codes[0, 0] == truth[row] for one, row in zip(known, np.flatnonzero(truth != UNKNOWN), strict=False)]
    assert np.mean(right) >= 0.5
    score = [np.median([one.distractor_score[0] for one in some]) for some in (known, distractor)]
    assert score[0] < score[1]


# --- the arithmetic of the parts -----------------------------------------------------------------------------------


def test_whitened_classes_scatter_equally_in_every_direction():
    rng = np.random.default_rng(0)
    stretched = rng.normal(size=(4000, 6)) * [9, 4, 1, 1, 0.5, 0.1] + 100
    codes = np.repeat(np.arange(40), 100)
    space = WithinClassWhitening(pair_weight=1e-6, ridge=1e-6).fit(stretched, codes)
    scatter = within_class_scatter((stretched @ space.map_).astype(np.float32), codes)[0]
    assert np.allclose(scatter / scatter[0, 0], np.eye(6), atol=0.02)


def test_the_scatter_within_classes_is_counted_as_a_statistician_would():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 3)).astype(np.float32)
    codes = np.array([0, 0, 0, 1, 1, 2, 0])  # class 2 has one picture and says nothing
    scatter, freedom = within_class_scatter(rows, codes)
    of_four, of_two = (np.cov(rows[codes == code].T) for code in (0, 1))
    assert freedom == 4
    assert np.allclose(scatter, (4 * of_four + 2 * of_two) / 6, atol=1e-6)
    assert np.allclose(class_means(rows, codes)[1], rows[3:5].mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("same", [True, False])
def test_nearest_neighbours_are_those_of_brute_force(same, monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.neighbours.BLOCK_BYTES", 4 * 50 * 7)
    rng = np.random.default_rng(0)
    others = unit_rows(rng.normal(size=(50, 8)))
    rows = others[20:] if same else unit_rows(rng.normal(size=(30, 8)))
    index, similarity = nearest(rows, others, 4, same_from=20 if same else None)
    cosine = rows @ others.T
    if same:
        cosine[np.arange(30), np.arange(30) + 20] = -9
    assert np.allclose(np.sort(similarity), np.sort(cosine)[:, -4:], atol=1e-6)
    assert (np.sort(index) == np.sort(np.argsort(cosine)[:, -4:])).all()


@pytest.mark.parametrize("at_once", [2, 32])
def test_labels_spread_as_by_dense_matrices(at_once, monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.propagation.CLASSES_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    graph = neighbour_graph(unit_rows(rng.normal(size=(60, 6))))
    codes = np.arange(14) % 7
    extra = rng.integers(0, 7, (46, 3))
    kept, mass, extra_mass = propagate(graph, codes, 4, extra)
    seeds = np.vstack([np.eye(7)[codes], np.zeros((46, 7))])
    spread = seeds
    for _ in range(ROUNDS):
        spread = ALPHA * graph.toarray() @ spread + (1 - ALPHA) * seeds
    spread = spread[14:]
    assert np.allclose(extra_mass, np.take_along_axis(spread, extra, axis=1), atol=1e-6)
    assert np.allclose(mass, np.take_along_axis(spread, kept, axis=1), atol=1e-6)
    assert np.allclose(np.sort(mass), np.sort(spread)[:, -4:], atol=1e-6)


def clustered(seed, *, n=3000, dim=24, clusters=200):
    """Give unit rows in clusters, as pictures lie."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, dim))
    return unit_rows(centres[rng.integers(0, clusters, n)] + 0.5 * rng.normal(size=(n, dim)))


@pytest.mark.parametrize("same", [True, False])
def test_beyond_a_size_neighbours_come_from_faiss_and_are_nearly_the_same(same, monkeypatch):
    others = clustered(0, n=6000)
    rows = others[1000:] if same else clustered(1, n=5000)
    same_from = 1000 if same else None
    true, how_near = nearest(rows, others, 10, same_from=same_from)
    monkeypatch.setattr("fieldguide.recognition.neighbours.EXACT_UP_TO", 4999)
    found, similarity = nearest(rows, others, 10, same_from=same_from)
    recall = np.mean([np.isin(*pair).mean() for pair in zip(true, found, strict=True)])
    assert 0.95 < recall < 1, "one was expected to be exact, the other not"
    assert np.allclose(similarity, np.einsum("nd,nkd->nk", rows, others[found]), atol=2e-3)
    assert np.median(np.sort(how_near)[:, 0] - np.sort(similarity)[:, 0]) < 2e-3
    if same:
        assert (found != np.arange(5000)[:, None] + 1000).all()


def test_faiss_gives_every_row_neighbours_though_all_are_alike(monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.neighbours.EXACT_UP_TO", 10)
    rows = np.ones((500, 4), np.float32) / 2
    index, similarity = nearest(rows, rows, 10, same_from=0)
    assert (index != np.arange(500)[:, None]).all()
    assert np.allclose(similarity, 1, atol=1e-3)


def test_many_queries_are_answered_as_well_with_faiss_as_exactly_and_the_same_each_time(monkeypatch):
    gallery, labels, queries, truth = task(classes=40, each=24)
    exact = TransductiveClassifier().fit(gallery, labels).rank(queries)
    monkeypatch.setattr("fieldguide.recognition.neighbours.EXACT_UP_TO", 1000)
    monkeypatch.setattr("fieldguide.recognition.approximate.ROWS_A_LIST", 30)  # 48 lists, of which 32 are searched
    first, second = (TransductiveClassifier().fit(gallery, labels).rank(queries) for _ in range(2))
    assert first.codes.tobytes() == second.codes.tobytes()
    assert first.probability.tobytes() == second.probability.tobytes()
    assert first.probability.tobytes() != exact.probability.tobytes()
    assert average_precision(first, truth) == pytest.approx(average_precision(exact, truth), abs=0.01)


def test_the_centre_of_parts_is_that_of_the_whole(monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.neighbours.BLOCK_BYTES", 4 * 5 * 7)
    rows = np.random.default_rng(0).normal(size=(60, 5))
    whole, parts = PowerCentring().fit(rows), PowerCentring().partial_fit(rows[:13]).partial_fit(rows[13:])
    assert np.allclose(whole.mean_, parts.mean_, atol=1e-6)
    assert np.allclose(whole.mean_, (np.sign(rows) * np.sqrt(np.abs(rows))).mean(axis=0), atol=1e-6)
    assert parts.n_samples_seen_ == 60


def test_rows_mapped_when_asked_for_are_those_mapped_at_once():
    rng = np.random.default_rng(0)
    gallery, queries = rng.normal(size=(4, 6)).astype(np.float32), rng.normal(size=(9, 6)).astype(np.float32)
    lazy = CentredRows.about_their_centre(gallery, queries)
    order = rng.permutation(13)
    at_once = PowerCentring().fit_transform(np.concatenate([gallery, queries]))[order]
    assert len(lazy.of(order)) == 13
    assert np.allclose(lazy.of(order)[3:11], at_once[3:11], atol=1e-6)
    assert np.allclose(lazy.of(order)[np.array([12, 0, 5])], at_once[[12, 0, 5]], atol=1e-6)


@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=40), seed=st.integers(0, 9))
def test_an_episode_holds_out_whole_classes_and_one_shot_of_others(sizes, seed):
    codes = np.repeat(np.arange(len(sizes)), sizes)
    heldout_once = np.zeros(len(sizes), int)
    for episode in draw_episodes(codes, seed):
        all_rows = np.concatenate([episode.gallery_rows, episode.heldout_shot_rows, episode.heldout_class_rows])
        assert sorted(all_rows) == list(range(len(codes)))
        staying = set(codes[episode.gallery_rows])
        assert set(codes[episode.heldout_shot_rows]) <= staying
        assert staying.isdisjoint(codes[episode.heldout_class_rows])
        assert sorted(codes[episode.heldout_shot_rows]) == [code for code in sorted(staying) if sizes[code] > 1]
        weight = representativeness(codes, episode, np.ones(len(sizes)))
        assert (weight > 0).all()
        heldout_once += episode.heldout_classes
    assert len(sizes) == 1 or (heldout_once == 1).all()


def test_each_shot_is_held_out_in_some_episode():
    codes = np.repeat(np.arange(20), 3)
    times = np.bincount(
        np.concatenate([episode.heldout_shot_rows for episode in draw_episodes(codes, 0)]), minlength=60
    )
    assert set(times) == {2, 3}  # in seven of the eight episodes one of the three shots of a class is held out


@pytest.mark.parametrize("classes, episodes", [(1, 1), (5, 5), (50, 8), (100, 6), (300, 2), (301, 1)])
def test_the_more_classes_the_fewer_episodes(classes, episodes):
    assert len(list(draw_episodes(np.repeat(np.arange(classes), 2), 0))) == episodes


def test_with_one_shot_a_class_there_are_four_episodes():
    assert len(list(draw_episodes(np.arange(50), 0))) == 4


def test_known_shots_stand_for_classes_whose_only_shot_cannot_be_hidden():
    codes = np.array([0, 1, 2, 3, 3, 4, 4, 4])  # three classes have one shot, as the fourth has once one is held out
    episode = next(draw_episodes(np.tile(codes, 1), 0))
    weight = representativeness(codes, episode, np.ones(5))
    left = np.bincount(codes[episode.gallery_rows], minlength=5)
    for row, one in zip(episode.heldout_shot_rows, weight, strict=True):
        alike = (left == left[codes[row]]).sum()
        assert one == pytest.approx(2 * alike / (left[codes[episode.heldout_shot_rows]] == left[codes[row]]).sum())

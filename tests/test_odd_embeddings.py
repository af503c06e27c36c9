"""Recognizers and rules on embeddings that no one hopes for: zeros, copies, one number, very wide, of any type."""

import tracemalloc
import warnings

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fieldguide import (
    CosineClassifier,
    DBSCANRule,
    HDBSCANRule,
    InductiveClassifier,
    OpenSetClassifier,
    ProbabilisticClassifier,
    SelfTrainingClassifier,
    ThresholdRule,
    TransductiveClassifier,
    identify,
)
from fieldguide.recognition import NOTHING, UNKNOWN, WithinClassWhitening, propagation, span
from fieldguide.recognition.evidence import GalleryEvidence
from fieldguide.recognition.neighbours import unit_rows
from fieldguide.recognition.shots import Shots

OPEN = {
    "transductive": TransductiveClassifier(),
    "inductive": InductiveClassifier(),
    "threshold": OpenSetClassifier(rule=ThresholdRule(contamination=0.3)),
    "dbscan": OpenSetClassifier(rule=DBSCANRule()),
    "dbscan-embedding": OpenSetClassifier(rule=DBSCANRule("embedding")),
    "hdbscan": OpenSetClassifier(rule=HDBSCANRule()),
    "logistic": OpenSetClassifier(ProbabilisticClassifier(), DBSCANRule("embedding")),
    "self-training": OpenSetClassifier(SelfTrainingClassifier(ProbabilisticClassifier()), DBSCANRule("embedding")),
}
CHEAP = [OPEN[name] for name in ("transductive", "inductive", "threshold", "dbscan-embedding")]


def task(*, classes=8, shots=3, each=4, dim=16, distractor_classes=4, seed=0):
    """Give a gallery, its codes, queries and their true codes, -1 for distractors."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes + distractor_classes, dim))
    codes, truth = np.repeat(np.arange(classes), shots), np.repeat(np.arange(classes + distractor_classes), each)
    gallery, queries = (centres[of] + 0.4 * rng.normal(size=(len(of), dim)) for of in (codes, truth))
    return gallery.astype(np.float32), codes, queries.astype(np.float32), np.where(truth < classes, truth, UNKNOWN)


def answered(recognizer, gallery, labels, queries, k=5):
    """Rank without a warning, and check what every ranking is to be."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ranking = recognizer.fit(gallery, labels).rank(queries, k)
        recognizer.predict(queries)
    assert ranking.codes.shape == (len(queries), k)
    assert (ranking.codes[:, 0] != NOTHING).all()
    assert np.isfinite(ranking.distractor_score).all()
    assert np.isfinite(ranking.similarity[ranking.codes >= 0]).all()
    return ranking


@pytest.mark.parametrize("name", OPEN)
def test_a_query_of_zeros_is_unknown_and_the_others_are_answered(name):
    gallery, codes, queries, _ = task()
    queries[5] = 0
    queries[7] = 3  # all the same number, which is a direction like any other
    gallery[4] = 0
    ranking = answered(OPEN[name], gallery, codes, queries)
    assert ranking.codes[5, 0] == UNKNOWN
    assert ranking.distractor_score[5] == ranking.distractor_score.max()
    assert not ranking.is_unknown().all()


@pytest.mark.parametrize("name", OPEN)
def test_a_gallery_and_queries_of_zeros_are_answered(name):
    ranking = answered(OPEN[name], np.zeros((6, 5)), np.repeat([0, 1], 3), np.zeros((12, 5)))
    assert name == "threshold" or ranking.is_unknown().all()  # a threshold among equals calls none of them


@pytest.mark.parametrize("name", OPEN)
def test_every_picture_may_have_copies(name):
    rng = np.random.default_rng(0)
    pictures = rng.normal(size=(12, 40))
    copies = np.repeat(pictures, 6, axis=0)
    answered(OPEN[name], copies[:48], np.repeat(np.arange(8), 6), copies)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 99),
    pictures=st.integers(1, 9),
    classes=st.integers(1, 5),
    n=st.integers(1, 9),
    dim=st.integers(1, 4),
    kind=st.sampled_from(["float64", "float16", "int8", "read-only", "not contiguous", "copies", "equal"]),
    k=st.integers(1, 9),
)
def test_the_smallest_and_strangest_arrays_are_answered(seed, pictures, classes, n, dim, kind, k):
    rng = np.random.default_rng(seed)
    gallery, queries = 9 * rng.normal(size=(pictures, dim)), 9 * rng.normal(size=(n, dim))
    if kind in ("float16", "int8"):
        gallery, queries = gallery.astype(kind), queries.astype(kind)
    if kind == "copies":
        gallery, queries = np.repeat(gallery, 6, axis=0), gallery[rng.integers(0, pictures, n)]
    if kind == "equal":
        gallery[:], queries[:] = 0.1, 0.1
    if kind == "not contiguous":
        gallery, queries = np.repeat(gallery, 2, axis=1)[:, ::2], queries[::-1]
    gallery.flags.writeable = queries.flags.writeable = kind != "read-only"
    labels = np.arange(len(gallery)) % classes
    for recognizer in CHEAP:
        answered(recognizer, gallery, labels, queries, k)


def peak_of(work):
    """Give what comes of some work, and the most memory that it had at a time."""
    tracemalloc.start()
    try:
        result = work()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# --- wide embeddings -----------------------------------------------------------------------------------------------


def widened(rows, dim):
    """Turn rows into a wider space, where lengths and angles are what they were."""
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(dim, rows.shape[1])))[0]
    return (rows @ turn.T).astype(np.float32)


def test_whitening_in_the_span_is_whitening(monkeypatch):
    gallery, codes, queries, _ = task(dim=24)
    rows = widened(unit_rows(np.concatenate([gallery, queries])), 300)
    shown, others = rows[: len(gallery)], rows[len(gallery) :]
    assert len(rows) < 300
    fast = WithinClassWhitening().fit(shown, codes, unlabelled=others)
    monkeypatch.setattr("fieldguide.recognition.whitening.is_wide", lambda *_: False)
    slow = WithinClassWhitening().fit(shown, codes, unlabelled=others)
    assert fast.map_.shape == (300, len(rows))
    assert fast.shrinkage_ == slow.shrinkage_
    similarity = [space.transform(rows) @ space.transform(rows).T for space in (fast, slow)]
    assert np.allclose(*similarity, atol=1e-4)


def test_wide_embeddings_are_answered_as_the_slow_way_would(monkeypatch):
    gallery, codes, queries, _ = task(dim=24)
    gallery, queries = (np.abs(widened(rows, 300)) for rows in (gallery, queries))
    fast = TransductiveClassifier().fit(gallery, codes).rank(queries)
    for module in "whitening", "centred":
        monkeypatch.setattr(f"fieldguide.recognition.{module}.is_wide", lambda *_: False)
    slow = TransductiveClassifier().fit(gallery, codes).rank(queries)
    assert (fast.codes[:, 0] == slow.codes[:, 0]).all()
    assert np.allclose(fast.probability, slow.probability, atol=1e-3)


def test_no_step_is_cubic_in_the_width():
    """In memory too: a matrix of 9,600 × 9,600 numbers would take 370 MB, the embeddings take 2."""
    gallery, codes, queries, _ = task(each=2)
    gallery, queries = (np.abs(np.tile(rows, 600) + 0.1) for rows in (gallery, queries))

    def answer_all():
        for recognizer in [*CHEAP, OPEN["dbscan"], OPEN["logistic"]]:
            answered(recognizer, gallery, codes, queries)

    _, peak = peak_of(answer_all)
    assert peak < 20 * (gallery.nbytes + queries.nbytes)


def test_of_more_rows_than_are_kept_directions_the_span_holds_most(monkeypatch):
    monkeypatch.setattr(span, "WIDEST", 60)
    monkeypatch.setattr(span, "SKETCHED", 40)
    gallery, codes, queries, truth = task(dim=24, each=8)
    gallery, queries = (widened(rows, 300) for rows in (gallery, queries))
    assert len(gallery) + len(queries) > 60
    ranking = TransductiveClassifier().fit(gallery, codes).rank(queries)
    assert (ranking.codes[:, 0] == truth).mean() > 0.8


# --- memory --------------------------------------------------------------------------------------------------------


def test_looking_up_the_nearest_shots_copies_no_row_for_each_shot(monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.neighbours.BLOCK_BYTES", 1 << 18)
    rng = np.random.default_rng(0)
    gallery, queries = rng.normal(size=(300, 256)), unit_rows(rng.normal(size=(2000, 256)))
    shots = Shots.of(gallery, np.repeat(np.arange(30), 10))
    codes = rng.integers(0, 30, (2000, 5))
    (row, similarity), peak = peak_of(lambda: shots.nearest(queries, codes))
    assert peak < queries.nbytes / 2  # one row a shot that is looked at would be 50 times the queries
    cosine = queries @ unit_rows(gallery).T
    cosine = np.where(np.repeat(np.arange(30), 10) == codes[:, :, None], cosine[:, None, :], -2)
    assert (row == cosine.argmax(axis=2)).all()
    assert np.allclose(similarity, cosine.max(axis=2), atol=1e-6)


def test_no_matrix_of_classes_by_gallery_or_of_queries_by_candidates_is_held(monkeypatch):
    monkeypatch.setattr("fieldguide.recognition.neighbours.BLOCK_BYTES", 1 << 18)
    rng = np.random.default_rng(0)
    gallery = unit_rows(rng.normal(size=(3000, 32)))
    codes = np.repeat(np.arange(1500), 2)
    evidence, peak = peak_of(lambda: GalleryEvidence.of(gallery, codes, 0))
    assert peak < 1500 * 3000 * 4 / 2
    queries = unit_rows(rng.normal(size=(4000, 32)))
    _, peak = peak_of(lambda: evidence.on(queries))
    assert peak < 4000 * 18 * 32 * 4 / 2


# --- the unknown label among the classes, and labelled distractors -------------------------------------------------

ALL = [CosineClassifier(), ProbabilisticClassifier(), SelfTrainingClassifier(), *CHEAP]


@pytest.mark.parametrize("recognizer", ALL)
def test_the_unknown_label_is_no_class(recognizer):
    gallery, codes, queries, _ = task()
    with pytest.raises(ValueError, match="-1 is the unknown label, and cannot be a class"):
        recognizer.fit(gallery, (codes - 1).astype(str))
    recognizer.fit(gallery, codes - 1)  # scikit-learn's own checks have two classes be -1 and 1
    assert len(recognizer.predict(queries)) == len(queries)
    with pytest.raises(ValueError, match=r"fit\(X, y, distractors=rows\)"):
        recognizer.rank(queries)


@pytest.mark.parametrize("recognizer", [TransductiveClassifier(), InductiveClassifier()])
@pytest.mark.parametrize("shots", [1, 3])
def test_labelled_distractors_teach_what_a_distractor_is(recognizer, shots):
    """Distractors lie near classes here, in a way that hiding classes does not show."""
    rng = np.random.default_rng(0)
    gallery, codes, queries, truth = task(classes=20, distractor_classes=20, each=8, shots=shots)
    strange = truth == UNKNOWN
    near = gallery[rng.integers(0, len(gallery), 2 * strange.sum())]
    near = near + 0.8 * rng.normal(size=near.shape).astype(np.float32)
    queries[strange], labelled = near[: strange.sum()], near[strange.sum() :]
    score = [
        recognizer.fit(gallery, codes, distractors=distractors).rank(queries).distractor_score
        for distractors in (None, labelled)
    ]
    told_apart = [roc_auc_score(strange, one) for one in score]
    assert told_apart[1] > told_apart[0] - 0.03
    assert score[0].tobytes() != score[1].tobytes()
    none = recognizer.fit(gallery, codes, distractors=labelled[:0]).rank(queries).distractor_score
    assert none.tobytes() == score[0].tobytes()


def test_labelled_distractors_of_another_width_are_refused():
    gallery, codes, _, _ = task()
    with pytest.raises(ValueError, match="distractors have 3 numbers a row, the gallery 16"):
        TransductiveClassifier().fit(gallery, codes, distractors=np.ones((4, 3)))


# --- one query at a time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shots", [1, 2, 3])
def test_no_query_changes_the_answer_to_another(shots):
    gallery, codes, queries, truth = task(shots=shots, classes=20, distractor_classes=10)
    recognizer = InductiveClassifier().fit(gallery, codes)
    together = recognizer.rank(queries)
    alone = [recognizer.rank(queries[row : row + 1]) for row in range(0, len(queries), 7)]
    score = np.concatenate([one.distractor_score for one in alone])
    assert np.allclose(score, together.distractor_score[::7], atol=1e-5)
    assert np.allclose(np.concatenate([one.probability for one in alone]), together.probability[::7], atol=1e-5)
    assert (np.concatenate([one.codes for one in alone]) == together.codes[::7]).all()
    assert score[truth[::7] == UNKNOWN].mean() > score[truth[::7] != UNKNOWN].mean() + 0.05


# --- on the command line -------------------------------------------------------------------------------------------


def test_a_class_may_be_called_minus_one_where_the_unknown_label_is_not(tmp_path):
    gallery, codes, queries, truth = task()
    for name, rows, labels in (("g", gallery, (codes - 1).astype(str)), ("q", queries, None)):
        columns = {"image": [f"{name}{row}.png" for row in range(len(rows))], "embedding": list(rows)}
        pyarrow.parquet.write_table(
            pyarrow.table(columns | ({} if labels is None else {"label": labels})), tmp_path / f"{name}.parquet"
        )
    ranking = identify(tmp_path / "g.parquet", tmp_path / "q.parquet", unknown="none", show=False)
    answers = [ranking[int(row)].labels for row in np.flatnonzero(truth == 0)]
    assert [labels[0] for labels in answers] == ["-1"] * len(answers)
    assert any("none" in labels for labels in answers)


def test_of_very_many_classes_labels_spread_as_of_fewer(monkeypatch):
    gallery, codes, queries, _ = task(classes=40, distractor_classes=10)
    few = TransductiveClassifier().fit(gallery, codes).rank(queries)
    monkeypatch.setattr(propagation, "EXACT_UP_TO", 39)
    all_kept = TransductiveClassifier().fit(gallery, codes).rank(queries)
    assert (all_kept.codes == few.codes).mean() > 0.99
    np.testing.assert_allclose(all_kept.distractor_score, few.distractor_score, atol=1e-3)
    monkeypatch.setattr(propagation, "CLASSES_A_NODE", 12)
    some_kept = TransductiveClassifier().fit(gallery, codes).rank(queries)
    assert (some_kept.codes[:, 0] == few.codes[:, 0]).mean() > 0.95

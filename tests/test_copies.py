"""Copies and bursts count as one shot, and a class of many shots as any other."""

import numpy as np
import pytest

from drawn_task import average_precision, task
from fieldguide import InductiveClassifier, TransductiveClassifier
from fieldguide.recognition.centred import CentredRows
from fieldguide.recognition.copies import distinct_shots
from fieldguide.recognition.neighbours import unit_rows

CODES = np.tile(np.arange(20), 3)


def pictures(seed, codes, dim=24, noise=0.8):
    """Draw pictures about the centres of classes, which depend on `dim` alone."""
    centres = np.random.default_rng(0).normal(size=(60, dim))
    rng = np.random.default_rng([1, seed])
    return (centres[codes] + noise * rng.normal(size=(len(codes), dim))).astype(np.float32)


def centred(gallery, share_of_distractors, n=300):
    """Give gallery and queries as recognizers compare them."""
    known = np.arange(n) >= share_of_distractors * n
    queries = pictures(7, np.where(known, np.arange(n) % 20, 20 + np.arange(n) % 40))
    rows = CentredRows.about_their_centre(gallery, queries)
    return rows[np.arange(len(gallery))], rows.of(np.arange(len(gallery), len(rows)))


@pytest.mark.parametrize("times", [2, 3, 5])
@pytest.mark.parametrize("share", [0, 0.3, 0.7])
@pytest.mark.parametrize("burst", [0, 0.08])
def test_copies_and_near_copies_count_once(times, share, burst):
    gallery = pictures(3, CODES)
    again = np.concatenate([gallery + burst * pictures(4 + one, CODES, noise=1) for one in range(times - 1)])
    gallery, queries = centred(np.concatenate([gallery, again]), share)
    kept = distinct_shots(gallery, np.tile(CODES, times), queries)
    assert set(kept) <= set(range(60))
    assert len(kept) >= (57 if burst else 60)  # where there are bursts, a few shots may be as alike by chance


@pytest.mark.parametrize("share", [0, 0.3, 0.7])
@pytest.mark.parametrize("noise", [0.8, 3])  # as that of the queries, and more
def test_shots_that_are_no_twins_all_stay(share, noise):
    gallery, queries = centred(pictures(3, CODES, noise=noise), share)
    assert (distinct_shots(gallery, CODES, queries) == np.arange(60)).all()


def test_without_queries_or_with_few_only_copies_count_once():
    shots = pictures(3, CODES)
    burst, codes = np.concatenate([shots, shots + 0.05 * pictures(4, CODES), shots]), np.tile(CODES, 3)
    gallery, queries = centred(burst, 0.3, n=40)
    for others in None, queries:
        assert (distinct_shots(gallery, codes, others) == np.arange(120)).all()
    assert len(distinct_shots(gallery, np.arange(180) % 90, None)) == 180, "of other classes they are no twins"


@pytest.mark.parametrize("recognizer", [TransductiveClassifier(), InductiveClassifier()])
@pytest.mark.parametrize("shots", [1, 3])
def test_a_gallery_with_each_shot_three_times_gives_the_same_answers(recognizer, shots):
    gallery, labels, queries, _ = task(shots=shots)
    once = recognizer.fit(gallery, labels).rank(queries)
    order = np.random.default_rng(0).permutation(3 * len(labels))
    order = order[np.argsort(order % len(labels), kind="stable")]  # each shot and its copies, in any order
    thrice = recognizer.fit(gallery[order % len(labels)], labels[order % len(labels)]).rank(queries)
    assert (once.codes == thrice.codes).all()
    assert once.probability.tobytes() == thrice.probability.tobytes()
    assert once.contamination_interval == thrice.contamination_interval
    if isinstance(recognizer, TransductiveClassifier):  # which says what it has not counted
        assert once.explanation == ""
        assert thrice.explanation.startswith(f"{2 * len(labels)} labelled pictures are copies or near copies of others")
    named = thrice.codes >= 0
    assert (thrice.nearest[~named] == -1).all()
    given = labels[order % len(labels)]
    assert (given[thrice.nearest[named]] == once.classes[once.codes[named]]).all()
    cosine = unit_rows(queries) @ unit_rows(gallery[order % len(labels)]).T
    rows = np.nonzero(named)[0]
    assert np.allclose(cosine[rows, thrice.nearest[named]], thrice.similarity[named], atol=1e-5)


@pytest.mark.parametrize("shots", [1, 3])
def test_bursts_of_each_shot_change_little(shots):
    gallery, labels, queries, truth = task(shots=shots, each=30)
    once = TransductiveClassifier().fit(gallery, labels).rank(queries)
    rng = np.random.default_rng(0)
    burst = np.concatenate([gallery, *(gallery + 0.05 * rng.normal(size=gallery.shape) for _ in range(2))])
    thrice = TransductiveClassifier().fit(burst, np.tile(labels, 3)).rank(queries)
    assert average_precision(thrice, truth) == pytest.approx(average_precision(once, truth), abs=0.01)
    assert thrice.contamination == pytest.approx(once.contamination, abs=0.05)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_class_of_very_many_shots_does_not_take_the_others_answers(seed, monkeypatch):
    crowded = np.where(np.arange(30) == 11, 180, 3)
    gallery, labels, queries, truth = task(shots=crowded, noise=1.4, seed=seed)
    more = np.flatnonzero(labels == "class 11")[3:]
    equal = TransductiveClassifier().fit(np.delete(gallery, more, axis=0), np.delete(labels, more)).rank(queries)

    def taken_and_lost():
        ranking = TransductiveClassifier().fit(gallery, labels).rank(queries)
        taken = (ranking.codes[truth != 11, 0] == 11).mean()
        return taken, average_precision(equal, truth) - average_precision(ranking, truth)

    taken, lost = taken_and_lost()
    assert taken < 0.02
    assert lost < 0.02
    for module in "propagation", "evidence":  # every picture, not every class, sends out as much
        name = f"fieldguide.recognition.{module}.source_mass"
        monkeypatch.setattr(name, lambda codes: np.ones(len(codes), np.float32))
    taken, lost = taken_and_lost()
    assert taken > 0.05
    assert lost > 0.01

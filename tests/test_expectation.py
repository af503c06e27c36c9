"""What is expected of answers comes true, also where nothing can be told apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_task import average_precision, task
from fieldguide import CosineClassifier, InductiveClassifier, TransductiveClassifier
from fieldguide.recognition import UNKNOWN
from fieldguide.recognition.class_probability import USUAL, ClassProbability, Example
from fieldguide.recognition.expectation import expect


def came_true(ranking, truth):
    """Give what the three expectations turned out to be."""
    first, known = ranking.codes[:, 0], truth != UNKNOWN
    named, right = first != UNKNOWN, first == truth
    return {
        "known_named_rightly": right[known].mean(),
        "distractors_named": named[~known].mean(),
        "names_right": right[named].mean(),
    }


@pytest.mark.parametrize("noise", [0.6, 0.9])
def test_what_is_expected_comes_true(noise):
    gallery, labels, queries, truth = task(noise=noise, each=30)
    ranking = TransductiveClassifier().fit(gallery, labels).rank(queries)
    for name, true in came_true(ranking, truth).items():
        share = getattr(ranking.expected, name)
        assert 0 <= share.low <= share.value <= share.high <= 1
        assert share.value == pytest.approx(true, abs=0.15), name
        assert share.low - 0.05 <= true <= share.high + 0.05, name


def test_alone_a_query_is_expected_to_be_answered_about_as_well_as_it_is():
    gallery, labels, queries, truth = task(noise=0.7, each=30)
    ranking = InductiveClassifier(contamination=1 / 3).fit(gallery, labels).rank(queries)
    for name, true in came_true(ranking, truth).items():
        assert getattr(ranking.expected, name).value == pytest.approx(true, abs=0.2), name


@given(seed=st.integers(0, 99), n=st.integers(1, 60), levels=st.integers(1, 5), effective=st.floats(1, 200))
def test_expected_shares_are_sums_of_probabilities_and_stay_shares(seed, n, levels, effective):
    rng = np.random.default_rng(seed)
    named, first, known = rng.random(n) < 0.6, rng.random(n), rng.random((levels, n))
    expected = expect(named, first, known, effective)
    sums = {
        "known_named_rightly": ((named * first * known).sum(), known.sum()),
        "distractors_named": ((named * (1 - known)).sum(), (1 - known).sum()),
        "names_right": ((named * first * known).sum(), levels * named.sum()),
    }
    for name, (part, whole) in sums.items():
        share = getattr(expected, name)
        if whole / levels < 0.5:
            assert share is None
        else:
            assert share.value == pytest.approx(part / whole)
            assert 0 <= share.low <= share.value <= share.high <= 1


def test_of_a_kind_that_no_query_is_expected_to_be_of_nothing_is_said():
    nobody, sure = np.zeros(40, bool), np.full(40, 0.9)
    assert expect(~nobody, sure, np.ones((1, 40)), 30).distractors_named is None
    expected = expect(nobody, sure, np.zeros((1, 40)), 30)
    assert expected.known_named_rightly is None
    assert expected.names_right is None
    assert expected.distractors_named.value == 0


def test_the_fewer_classes_taught_and_the_less_the_share_is_known_the_wider():
    named, first = np.ones(1000, bool), np.full(1000, 0.8)

    def width(known, effective):
        share = expect(named, first, known, effective).names_right
        return share.high - share.low

    surely, perhaps = np.full((2, 1000), 0.7), np.repeat([[0.4], [1.0]], 1000, axis=1)
    assert width(surely, 10) > 1.5 * width(surely, 100)
    assert width(perhaps, 100) > 1.5 * width(surely, 100)


def test_a_share_that_rounding_lifts_above_one_is_one():
    barely_more = np.full(40, np.nextafter(1, 2))
    share = expect(np.ones(40, bool), barely_more, np.ones((1, 40)), 30).names_right
    assert (share.low, share.value, share.high) == (1, 1, 1)


# --- where nothing can be told apart ---------------------------------------------------------------------------------


# With one shot the prior says that known queries may be like their class, though none can show it: some are named
@pytest.mark.parametrize(("shots", "named", "lost"), [(3, 0.05, 0.02), (1, 0.3, 0.07)])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_of_noise_little_is_claimed_and_little_lost(shots, named, lost, share):
    rng = np.random.default_rng([shots, round(10 * share)])
    classes, n = 40, 800
    gallery, labels = rng.normal(size=(classes * shots, 64)), np.repeat(np.arange(classes), shots)
    queries = rng.normal(size=(n, 64))
    truth = np.where(np.arange(n) < share * n, UNKNOWN, rng.integers(0, classes, n))
    ranking = TransductiveClassifier().fit(gallery, labels).rank(queries)
    assert (ranking.codes[:, 0] != UNKNOWN).mean() < named
    low, high = ranking.contamination_interval
    assert high - low > 0.4
    assert low <= share <= high
    expected = ranking.expected.known_named_rightly
    assert expected.low == 0
    assert expected.value < 0.2
    nearest = CosineClassifier().fit(gallery, labels).rank(queries, k=4)
    of_cosine = nearest.codes == truth[:, None]
    rule = (truth == UNKNOWN) + np.where(of_cosine.any(axis=1), 1 / (of_cosine.argmax(axis=1) + 2), 0)
    assert average_precision(ranking, truth) > rule.mean() - lost


# --- how sure it is of a class ---------------------------------------------------------------------------------------


def examples(rng, n, k, gap):
    """Draw hidden shots of whose candidates the right one scores `gap` higher."""
    right = np.arange(k) == rng.integers(0, k, (n, 1))
    return Example(rng.normal(size=(n, k)) + gap[:, None] * right, right)


@given(seed=st.integers(0, 99), n=st.integers(1, 30), k=st.integers(1, 18), lacking=st.floats(0, 0.9))
def test_probabilities_of_classes_sum_to_one_at_most(seed, n, k, lacking):
    rng = np.random.default_rng(seed)
    scores = np.where(rng.random((n, k)) < lacking, -np.inf, 5 * rng.normal(size=(n, k)))
    scores[:, 0] = np.where(np.isinf(scores[:, 0]), 0, scores[:, 0])
    weights = USUAL + rng.normal(size=4)
    probability = ClassProbability(weights, 0.5, 2.0)(scores, 10 * rng.normal(size=n), scale=1.2)
    assert (probability >= 0).all()
    assert (probability.sum(axis=1) <= 1 + 1e-9).all()
    assert (probability[np.isinf(scores)] == 0).all()
    assert (probability.argmax(axis=1) == scores.argmax(axis=1)).all()


def test_sureness_is_flat_where_scores_say_nothing_and_sharp_where_they_do():
    rng = np.random.default_rng(0)
    clear = rng.random(600) < 0.5
    one = examples(rng, 600, 8, np.where(clear, 8.0, 0.0))
    clearness = np.where(clear, 2.0, -2.0)
    fitted = ClassProbability.fit([one], clearness, np.ones(600), effective=300)
    probability = fitted(one.scores, clearness)
    sure, right = probability.max(axis=1), one.right[np.arange(600), probability.argmax(axis=1)]
    for group in clear, ~clear:
        assert sure[group].mean() == pytest.approx(right[group].mean(), abs=0.07)
    assert sure[clear].mean() > 0.9
    assert sure[~clear].mean() < 0.3


def test_a_class_that_is_seldom_among_the_candidates_is_seldom_sure():
    rng = np.random.default_rng(0)
    one = examples(rng, 600, 8, np.full(600, 8.0))
    one.right[:240] = False
    fitted = ClassProbability.fit([one], np.zeros(600), np.ones(600), effective=300)
    assert fitted(one.scores, np.zeros(600)).sum(axis=1) == pytest.approx(0.6, abs=0.05)


def test_few_examples_change_little():
    rng = np.random.default_rng(0)
    one = examples(rng, 4, 8, np.zeros(4))
    of_few, of_many = (
        ClassProbability.fit([one], np.zeros(4), np.ones(4), effective).weights for effective in (1, 1000)
    )
    assert np.abs(of_few - USUAL).max() < np.abs(of_many - USUAL).max()
    assert np.abs(of_few - USUAL).max() < 1.5

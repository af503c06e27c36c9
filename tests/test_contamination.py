"""The share of distractors, as a distribution: sure where known and distractors score apart, the prior where not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fieldguide.recognition.contamination import SHARES, Scores, SharePosterior, posterior_of_share

GROUPS = 50


def scored(rng, n, apart=0.0, share_of_distractors=0.0):
    """Draw scores of a kind: distractors have the mean 0, known ones `apart`."""
    distractor = np.arange(n) < share_of_distractors * n
    return Scores(rng.normal(size=n) + apart * ~distractor, np.arange(n) % GROUPS, np.ones(n))


def of_queries(scores):
    """Queries stand each for itself."""
    return Scores(scores.values, np.arange(len(scores.values)), scores.weight)


def posterior(apart, share, seed, examples=600, queries=3000):
    rng = np.random.default_rng(seed)
    known, distractors = scored(rng, examples, apart), scored(rng, examples, apart, 1)
    return posterior_of_share(known, distractors, of_queries(scored(rng, queries, apart, share)), 0.0, seed)


@settings(max_examples=20)
@given(share=st.floats(0, 1), apart=st.floats(1.5, 4), seed=st.integers(0, 99))
def test_the_share_of_a_mixture_is_found_where_the_kinds_are_apart(share, apart, seed):
    found = posterior(apart, share, seed)
    assert found.mean == pytest.approx(share, abs=0.08)
    low, high = found.interval()
    assert low <= found.mean <= high
    assert high - low < 0.3


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_where_both_kinds_score_alike_the_queries_teach_nothing(share):
    found = posterior(0, share, seed=0)
    prior = SharePosterior.of()
    assert found.mean == pytest.approx(prior.mean, abs=0.08)
    assert prior.mean == pytest.approx(1 / 3, abs=0.01)
    low, high = found.interval()
    assert low <= 0.05
    assert high > 0.55


def test_the_less_the_kinds_are_apart_the_less_is_known():
    widths = [np.ptp(posterior(apart, 0.3, seed=1).interval()) for apart in (3, 1, 0.3, 0)]
    assert widths == sorted(widths)
    assert widths[0] < 0.2


@settings(max_examples=20)
@given(share=st.floats(0.05, 0.95), seed=st.integers(0, 999))
def test_few_examples_of_few_classes_leave_the_share_open(share, seed):
    rng = np.random.default_rng(seed)
    known, distractors, asked = scored(rng, 600, 2), scored(rng, 600, 2, 1), of_queries(scored(rng, 1000, 2, share))
    few = [Scores(kind.values[:14], kind.groups[:14] % 7, kind.weight[:14]) for kind in (known, distractors)]
    many, of_few = (posterior_of_share(*kinds, asked, 0.0, 0) for kinds in ((known, distractors), few))
    assert np.ptp(of_few.interval()) > 1.5 * np.ptp(many.interval())


def test_queries_of_held_out_classes_are_not_counted_as_distractors():
    rng = np.random.default_rng(0)
    known, distractors = scored(rng, 1000, 2), scored(rng, 1000, 2, 1)
    # A fifth of the queries are distractors; of the others a quarter are of classes that the episode holds out
    asked = of_queries(scored(rng, 1000, 2, 0.25 + 0.75 * 0.2))
    assert posterior_of_share(known, distractors, asked, 0.25, 0).mean == pytest.approx(0.2, abs=0.06)
    assert posterior_of_share(known, distractors, asked, 0.0, 0).mean > 0.33


def test_heavier_examples_count_more():
    rng = np.random.default_rng(0)
    hard, easy = scored(rng, 600, 0.5), scored(rng, 600, 3)
    asked = of_queries(scored(rng, 3000, 3, 0.3))
    both = Scores(np.concatenate([hard.values, easy.values]), np.arange(1200) % 100, np.repeat([1e-6, 1.0], 600))
    found = posterior_of_share(both, scored(rng, 600, 3, 1), asked, 0.0, 0)
    assert found.mean == pytest.approx(0.3, abs=0.06)


@settings(max_examples=30)
@given(
    centre=st.floats(-0.3, 1.3), spread=st.floats(0.01, 2), mass=st.sampled_from([0.5, 0.8, 0.9]), n=st.integers(1, 40)
)
def test_an_interval_is_the_shortest_with_its_probability_and_quantiles_are_ordered(centre, spread, mass, n):
    found = SharePosterior.of(-(((SHARES - centre) / spread) ** 2) / 2)
    assert found.density.sum() == pytest.approx(1)
    low, high = found.interval(mass)
    assert found.density[(low - 1e-9 <= SHARES) & (high + 1e-9 >= SHARES)].sum() >= mass - 1e-9
    below = np.append(0, np.cumsum(found.density))
    shortest = next(
        cells for cells in range(1, len(SHARES) + 1) if (below[cells:] - below[:-cells]).max() >= mass - 1e-9
    )
    assert round((high - low) * 100) + 1 == shortest
    shares = found.quantiles(n)
    assert len(shares) == n
    assert (np.diff(shares) >= 0).all()
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert found.quantiles(40).mean() == pytest.approx(found.mean, abs=0.015)

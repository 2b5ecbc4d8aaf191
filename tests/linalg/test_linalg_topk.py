import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from palate.linalg.topk import top_k


def by_stable_sort(scores, k):
    """The oracle: numbers only, sorted whole, ties left in column order."""
    items = np.full((len(scores), k), -1)
    best = np.full((len(scores), k), np.nan, np.float32)
    for row, values in enumerate(scores):
        numbers = np.flatnonzero(~np.isnan(values))
        order = numbers[np.argsort(-values[numbers], kind="stable")][:k]
        items[row, : len(order)], best[row, : len(order)] = order, values[order]
    return items, best


def agrees(scores, k):
    found = top_k(scores, k)
    items, best = by_stable_sort(scores, k)
    return np.array_equal(found.items, items) and np.array_equal(found.scores, best, equal_nan=True)


VALUES = st.sampled_from([np.nan, -np.inf, np.inf, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0])


@settings(max_examples=150, deadline=None)
@given(
    scores=st.tuples(st.integers(0, 5), st.integers(0, 90)).flatmap(
        lambda shape: arrays(np.float32, shape, elements=VALUES)
    ),
    k=st.integers(0, 12),
)
def test_equals_the_stable_sort_where_almost_everything_ties(scores, k):
    assert agrees(scores, k)


@pytest.mark.parametrize("n", [1, 7, 100, 3000])
@pytest.mark.parametrize("k", [1, 20, 150])
def test_equals_the_stable_sort_on_wide_rows(n, k):
    rng = np.random.default_rng(n + k)
    scores = rng.normal(size=(40, n)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = np.nan
    scores[::4] = np.round(scores[::4])
    scores[1::4][rng.random((10, n)) < 0.995] = 0
    scores[2] = np.nan
    scores[6] = 1
    assert agrees(scores, k)


def test_threads_and_blocks_do_not_change_the_answer():
    scores = np.random.default_rng(0).integers(0, 50, (900, 3000)).astype(np.float32)
    alone, together = top_k(scores, 15, threads=1), top_k(scores, 15, threads=4)
    assert np.array_equal(alone.items, together.items)
    assert agrees(scores[:50], 15)


def test_any_layout_and_double_precision_are_taken():
    scores = np.random.default_rng(1).normal(size=(60, 9))
    assert agrees(np.asfortranarray(scores.astype(np.float32)), 4)
    assert agrees(scores.astype(np.float32).T, 4)
    near = np.array([[1.0, 1.0 + 1e-12]])
    assert top_k(near, 1).items.tolist() == [[1]]


def test_the_scores_given_are_left_alone():
    scores = np.array([[np.nan, 2, 1]], np.float32)
    before = scores.copy()
    top_k(scores, 2)
    assert np.array_equal(scores, before, equal_nan=True)

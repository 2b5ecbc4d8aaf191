"""Metrics beyond accuracy, and metrics as other libraries define them, worked by hand.

The lists are those of test_golden_metrics: 4 users, 5 places, items 0 … 7.

user  list            relevant       hits at places  rel   history
a     3 1 4 0 2       1, 2           2, 5            2     0, 2
b     5 6 7 - -       5, 6, 7, 0     1, 2, 3         4     3
c     0 1 2 3 4       7              none            1     4
d     2 - - - -       2              1               1     2
"""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from palate.metrics import (
    COMPAT,
    Hits,
    Measure,
    bootstrap_interval,
    calibration,
    category_diversity,
    content_diversity,
    gini,
    novelty,
    popularity_bias,
)

LISTS = np.array([[3, 1, 4, 0, 2], [5, 6, 7, -1, -1], [0, 1, 2, 3, 4], [2, -1, -1, -1, -1]], np.int32)
RELEVANT = sp.csr_array(
    [
        [0, 1, 1, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 1, 0, 0, 0, 0, 0],
    ]
)
HISTORY = sp.csr_array(
    [
        [1, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0, 0],
    ]
)
# 8 users liked something; in bits: 0, 1, 2, 3, 3, 3 (as if one had), 2, 3 (as if one had).
POPULARITY = np.array([8, 4, 2, 1, 1, 0, 2, 0])
#                           A    A    B    A, B   -    C    C    A, C
CATEGORIES = sp.csr_array(
    [[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1], [1, 0, 1]]
)  # fmt: skip
# Item 4 is absent, whatever its numbers; item 7 is there but points nowhere.
VECTORS = np.array([[1, 0], [0, 1], [1, 0], [-1, 0], [9, 9], [0.6, 0.8], [0.6, 0.8], [0, 0]], np.float32)
PRESENT = np.array([True, True, True, True, False, True, True, True])
NAN = math.nan


@pytest.mark.parametrize(
    ("k", "expected"), [(2, [(3 + 1) / 2, (3 + 2) / 2, (0 + 1) / 2, 2]), (5, [9 / 5, 8 / 3, 9 / 5, 2])]
)
def test_novelty_is_the_mean_of_bits(k, expected):
    assert novelty(LISTS, POPULARITY, 8, k) == pytest.approx(expected)


@pytest.mark.parametrize(("k", "expected"), [(2, [5 / 2, 2 / 2, 12 / 2, 2]), (5, [16 / 5, 2 / 3, 16 / 5, 2])])
def test_popularity_bias_is_the_mean_of_counts(k, expected):
    assert popularity_bias(LISTS, POPULARITY, k) == pytest.approx(expected)


def test_gini():
    # At 1: four of eight items once each: (1 + 3 + 5 + 7) / (8 * 4).
    assert gini(LISTS, 8, 1) == pytest.approx(16 / 32)
    # At 5 the counts are 2 2 3 2 2 1 1 1, sorted 1 1 1 2 2 2 2 3, times -7 -5 -3 -1 1 3 5 7.
    assert gini(LISTS, 8, 5) == pytest.approx((-7 - 5 - 3 - 2 + 2 + 6 + 10 + 21) / (8 * 14))
    assert gini(np.array([[0], [0]]), 4, 1) == 3 / 4
    assert gini(np.array([[0, 1], [1, 0]]), 2, 2) == 0
    assert math.isnan(gini(np.full((2, 3), -1), 4, 2))


def test_diversity_by_category():
    # a: 3-1 3-0 3-2 half each, 1-0 none, 1-2 0-2 whole; 4 has no category. b: 5-7 6-7 half each. d has no pair.
    expected = [3.5 / 6, 1 / 3, 3.5 / 6, NAN]
    assert category_diversity(LISTS, CATEGORIES, 5) == pytest.approx(expected, nan_ok=True)
    assert category_diversity(LISTS, CATEGORIES, 2) == pytest.approx([1 / 2, 0, 0, NAN], nan_ok=True)


def test_diversity_by_content():
    # a: cosines 3-1 0, 3-0 -1, 3-2 -1, 1-0 0, 1-2 0, 0-2 1. b: 5-6 1, and 7 points nowhere.
    expected = [1 + 1 / 6, 0, 1 + 1 / 6, NAN]
    assert content_diversity(LISTS, VECTORS, PRESENT, 5) == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_calibration():
    # a: p = A 1/2, B 1/2; the list 3 1 has q = A 3/4, B 1/4. b: p = A 1/2, B 1/2; the list has only C.
    # c: the history has no category. d: the list is the history.
    mixed = [0.99 * 3 / 4 + 0.005, 0.99 * 1 / 4 + 0.005]
    expected = [sum(math.log(0.5 / part) / 2 for part in mixed), math.log(100), NAN, 0]
    assert calibration(LISTS, HISTORY, CATEGORIES, 2) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    # With alpha 1/2, b has A 1/4, B 1/4.
    assert calibration(LISTS, HISTORY, CATEGORIES, 2, alpha=0.5)[1] == pytest.approx(math.log(2))


def gain(*places: int) -> float:
    return sum(1 / math.log2(max(place, 2)) for place in places)


@pytest.mark.parametrize(
    ("library", "metric", "k", "expected"),
    [
        ("lenskit", "recall", 2, [1 / 2, 2 / 2, 0, 1]),
        ("lenskit", "recall", 5, [2 / 2, 3 / 4, 0, 1]),
        ("lenskit", "precision", 2, [1 / 2, 2 / 2, 0, 1 / 1]),
        ("lenskit", "precision", 5, [2 / 5, 3 / 3, 0, 1 / 1]),
        ("lenskit", "map", 5, [(1 / 2 + 2 / 5) / 2, 3 / 3, 0, 1]),
        ("lenskit", "ndcg", 5, [gain(2, 5) / gain(1, 2), gain(1, 2, 3) / gain(1, 2, 3, 4), 0, 1]),
        ("lenskit", "ndcg", 2, [1 / 2, 1, 0, 1]),
        ("ranx", "map", 2, [(1 / 2) / 2, (1 + 1) / 4, 0, 1]),
        # implicit: miss, hit; two hits; no hit; hit, nothing. Beside rel there are 6, 4, 7 and 7 items.
        ("implicit", "auc", 2, [1.5 * 5 / 12, 3 * 4 / 16, 0.5 * 5 / 7, (1 + 1 * 6) / 7]),
        ("implicit", "auc", 1, [1 * 5 / 12, 2.5 * 4 / 16, 0.5 * 6 / 7, 7 / 7]),
    ],
)
def test_as_other_libraries_count(library, metric, k, expected):
    measure = Measure(metric, k, library)
    assert measure.of_lists(LISTS, RELEVANT, k) == pytest.approx(expected)


def test_an_empty_list_has_no_precision_in_lenskit():
    hits = Hits.of(np.full((1, 3), -1, np.int32), sp.csr_array([[1, 0]]))
    for metric in ("precision", "map"):
        assert math.isnan(COMPAT["lenskit"].metrics[metric].of_hits(hits, 2)[0])
    assert COMPAT["lenskit"].metrics["recall"].of_hits(hits, 2)[0] == 0


def test_the_precision_of_implicit_is_a_ratio_of_sums():
    measure = Measure("precision", 2, "implicit")
    hits = Hits.of(LISTS, RELEVANT)
    values, weights = measure.of_lists.of_hits(hits, 2), measure.weight(hits, 2)
    assert weights.tolist() == [2, 2, 1, 1]
    assert (values * weights).sum() / weights.sum() == (1 + 2 + 0 + 1) / (2 + 2 + 1 + 1)


def test_a_weighted_interval_is_of_the_ratio():
    # Half of the users have value 1 and weight 3, half 0 and 1: the mean is 3/4, not 1/2.
    values, weights = np.array([[1.0], [0.0]] * 200), np.array([[3.0], [1.0]] * 200)
    low, high = bootstrap_interval(values, weights=weights)
    assert 0.68 < low[0] < 0.75 < high[0] < 0.81
    plain = bootstrap_interval(values, weights=np.ones_like(values))
    assert np.array_equal(plain, bootstrap_interval(values))

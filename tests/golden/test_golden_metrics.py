"""Metrics worked by hand.

The lists hold 5 places, the catalogue 8 items (0 … 7).

user  list            relevant       hits at places  rel
a     3 1 4 0 2       1, 2           2, 5            2
b     5 6 7 - -       5, 6, 7, 0     1, 2, 3         4
c     0 1 2 3 4       7              none            1
d     2 - - - -       2              1               1
"""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from palate.metrics import (
    auc,
    average_precision,
    coverage,
    f1,
    hit_rate,
    holm,
    ndcg,
    paired_test,
    precision,
    recall,
    reciprocal_rank,
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


def gain(*places: int) -> float:
    return sum(1 / math.log2(place + 1) for place in places)


@pytest.mark.parametrize(
    ("metric", "k", "expected"),
    [
        (recall, 2, [1 / 2, 2 / 4, 0, 1]),
        (recall, 5, [2 / 2, 3 / 4, 0, 1]),
        (precision, 2, [1 / 2, 2 / 2, 0, 1 / 2]),
        (precision, 5, [2 / 5, 3 / 5, 0, 1 / 5]),
        (f1, 2, [1 / 2, 2 / 3, 0, 2 / 3]),
        (f1, 5, [4 / 7, 6 / 9, 0, 2 / 6]),
        (hit_rate, 1, [0, 1, 0, 1]),
        (hit_rate, 5, [1, 1, 0, 1]),
        (ndcg, 2, [gain(2) / gain(1, 2), 1, 0, 1]),
        (ndcg, 5, [gain(2, 5) / gain(1, 2), gain(1, 2, 3) / gain(1, 2, 3, 4), 0, 1]),
        (average_precision, 2, [(1 / 2) / 2, (1 + 1) / 2, 0, 1]),
        (average_precision, 5, [(1 / 2 + 2 / 5) / 2, 3 / 4, 0, 1]),
        (reciprocal_rank, 1, [0, 1, 0, 1]),
        (reciprocal_rank, 5, [1 / 2, 1, 0, 1]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_metrics_of_lists(metric, k, expected):
    assert metric(LISTS, RELEVANT, k) == pytest.approx(expected)


def test_coverage_counts_distinct_items_of_all_lists():
    # At 2: {3, 1, 5, 6, 0, 2} of 8. At 5 every item is shown once.
    assert coverage(LISTS, 8, 2) == 6 / 8
    assert coverage(LISTS, 8, 5) == 1.0


def test_auc_counts_a_tie_as_one_half_and_nan_as_the_lowest():
    nan = np.nan
    scores = np.array(
        [
            [9, 5, 7, 1],  # relevant 1: above one of three
            [9, 5, 5, 1],  # relevant 1: above one, tied with one
            [nan, 5, nan, 1],  # relevant 0: tied with one, below two
            [nan, 5, nan, 1],  # relevant 1 and 0 against 2 and 3: 2 + (1/2 + 0)
        ],
        np.float32,
    )
    relevant = sp.csr_array([[0, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]])
    assert auc(scores, relevant) == pytest.approx([1 / 3, 1.5 / 3, 0.5 / 3, 2.5 / 4])


def test_auc_leaves_hidden_items_out():
    scores = np.array([[9, 5, np.nan, 1], [9, np.nan, np.nan, np.nan]], np.float32)
    relevant = sp.csr_array([[0, 1, 0, 0], [0, 1, 0, 0]])
    hidden = sp.csr_array([[1, 0, 0, 0], [0, 0, 1, 0]])
    # First: 5 against NaN and 1. Second: NaN against 9 and NaN.
    assert auc(scores, relevant, hidden) == pytest.approx([1.0, 0.25])


def test_holm_by_hand():
    # Sorted .005 .011 .02 .04 .13, times 5 4 3 2 1: .025 .044 .06 .08 .13.
    given = [0.011, 0.02, 0.005, 0.13, 0.04]
    assert holm(given) == pytest.approx([0.044, 0.06, 0.025, 0.13, 0.08])


def test_holm_never_falls_and_never_passes_one():
    # Sorted .03 .04 .9, times 3 2 1: .09 .08 -> .09, .9; and .6 .6 -> 1.2 -> 1.
    assert holm([0.04, 0.03, 0.9]) == pytest.approx([0.09, 0.09, 0.9])
    assert holm([0.6, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_paired_test_counts_the_flips_of_three_users():
    # |±1 ±2 ±3| >= 6 for 2 of 8 flips; with 3 - 1 = 2 as the observed sum of (3, -1): |±3 ±1| >= 2 for all 4.
    assert paired_test(np.array([1.0, 2.0, 3.0]), np.zeros(3)) == 2 / 8
    assert paired_test(np.array([3.0, 0.0]), np.array([0.0, 1.0])) == 1.0

"""Intervals and tests keep what they promise."""

import numpy as np
import pytest

from palate.core.errors import ConfigError, DataError
from palate.metrics import bootstrap_interval, paired_test


def test_a_95_percent_interval_holds_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(0)
    samples = (rng.random((250, 300)) < 0.3).astype(float)
    low, high = np.array([[b[0] for b in bootstrap_interval(s[:, None], resamples=300)] for s in samples]).T
    assert 0.91 <= np.mean((low <= 0.3) & (high >= 0.3)) <= 0.98


def test_bootstrap_is_seeded_and_blocks_change_nothing(monkeypatch):
    values = np.random.default_rng(0).random((50, 2))
    first = bootstrap_interval(values, seed=1)
    assert np.array_equal(first, bootstrap_interval(values, seed=1))
    assert not np.array_equal(first, bootstrap_interval(values, seed=2))
    monkeypatch.setattr("palate.metrics.intervals._CELLS", 500)
    assert np.array_equal(first, bootstrap_interval(values, seed=1))


def test_bootstrap_leaves_nan_out():
    values = np.array([[0.5, np.nan], [np.nan, np.nan]] * 20)
    low, high = bootstrap_interval(values)
    assert (low[0], high[0]) == (0.5, 0.5)
    assert np.isnan([low[1], high[1]]).all()
    assert np.isnan(bootstrap_interval(np.zeros((0, 3)))).all()


def test_no_resample_is_no_interval():
    with pytest.raises(ConfigError, match="resamples was 0: an interval needs 1 or more"):
        bootstrap_interval(np.ones((3, 1)), resamples=0)


def test_without_a_difference_one_test_in_twenty_is_below_5_percent():
    rng = np.random.default_rng(0)
    p = [paired_test(*rng.random((2, 40)), flips=399) for _ in range(400)]
    assert 0.02 <= np.mean(np.array(p) < 0.05) <= 0.085


def test_a_clear_difference_is_found_and_a_tie_is_none():
    better = np.linspace(0, 1, 200)
    assert paired_test(better, better - 0.1) == pytest.approx(1 / 10000)
    assert paired_test(better, better) == 1.0
    assert paired_test(better, better - 0.1) == paired_test(better - 0.1, better)


def test_nan_users_are_left_out_and_unequal_users_refused():
    assert paired_test(np.array([1.0, 1.0, np.nan]), np.array([0.0, 0.0, 5.0])) == 0.5
    with pytest.raises(DataError, match="one value a user"):
        paired_test(np.zeros(3), np.zeros(4))

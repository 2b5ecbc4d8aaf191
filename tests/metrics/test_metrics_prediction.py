import tracemalloc

import numpy as np
import pytest
from sklearn import metrics as oracle

from palate.core.errors import DataError
from palate.metrics import prediction
from palate.metrics.intervals import resampled_users

LIKED = np.array([1, 1, 0, 0, 1])
SAID = np.array([0.9, 0.4, 0.6, 0.1, 0.6])
"""Said yes: the 1st, 3rd and 5th; true positives 2, false positives 1, false negatives 1, true negatives 1."""


def test_ratings_by_hand():
    truth, said = np.array([1.0, 2, 5, 3]), np.array([2.0, 2, 3, 3])
    assert prediction.rmse(truth, said) == pytest.approx(np.sqrt((1 + 0 + 4 + 0) / 4))
    assert prediction.mae(truth, said) == pytest.approx(3 / 4)


def test_clicks_by_hand():
    assert prediction.accuracy(LIKED, SAID) == pytest.approx(3 / 5)
    assert prediction.precision(LIKED, SAID) == pytest.approx(2 / 3)
    assert prediction.recall(LIKED, SAID) == pytest.approx(2 / 3)
    assert prediction.f1(LIKED, SAID) == pytest.approx(2 / 3)
    assert prediction.log_loss(LIKED, SAID) == pytest.approx(-np.log(0.9 * 0.4 * 0.4 * 0.9 * 0.6) / 5)
    # Of the six pairs of a like and a rest: .9 beats both, .4 one, .6 one and ties with the other.
    assert prediction.auc(LIKED, SAID) == pytest.approx((2 + 1 + 1.5) / 6)


def test_another_threshold():
    assert prediction.recall(LIKED, SAID, 0.4) == 1
    assert prediction.precision(LIKED, SAID, 0.4) == pytest.approx(3 / 4)
    assert prediction.recall(LIKED, SAID, 0.7) == pytest.approx(1 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_the_same_as_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    liked = rng.integers(0, 2, 300)
    said = np.round(np.clip(rng.normal(0.4 + 0.2 * liked, 0.3), 0.01, 0.99), 2)
    yes = said >= 0.5
    assert prediction.auc(liked, said) == pytest.approx(oracle.roc_auc_score(liked, said))
    assert prediction.log_loss(liked, said) == pytest.approx(oracle.log_loss(liked, said))
    assert prediction.accuracy(liked, said) == pytest.approx(oracle.accuracy_score(liked, yes))
    assert prediction.precision(liked, said) == pytest.approx(oracle.precision_score(liked, yes))
    assert prediction.recall(liked, said) == pytest.approx(oracle.recall_score(liked, yes))
    assert prediction.f1(liked, said) == pytest.approx(oracle.f1_score(liked, yes))
    stars, guess = rng.uniform(1, 5, 300), rng.uniform(1, 5, 300)
    assert prediction.rmse(stars, guess) == pytest.approx(oracle.root_mean_squared_error(stars, guess))
    assert prediction.mae(stars, guess) == pytest.approx(oracle.mean_absolute_error(stars, guess))


def test_an_unknown_pair_is_left_out():
    truth, said = np.array([1.0, np.nan, 4]), np.array([2.0, 5, np.nan])
    assert prediction.rmse(truth, said) == 1
    liked, told = np.array([1, 0, 1.0, 0]), np.array([0.8, 0.2, np.nan, 0.9])
    keep = [0, 1, 3]
    for metric in (prediction.auc, prediction.log_loss, prediction.accuracy, prediction.precision, prediction.f1):
        assert metric(liked, told) == pytest.approx(metric(liked[keep], told[keep]))


def test_where_nothing_can_be_said():
    nothing = np.array([np.nan])
    assert np.isnan(prediction.rmse(nothing, nothing))
    assert np.isnan(prediction.log_loss(nothing, nothing))
    assert np.isnan(prediction.auc(np.ones(3), np.arange(3)))
    no = np.zeros(2)
    assert [prediction.precision(no, no), prediction.recall(no, no), prediction.f1(no, no)] == [0, 0, 0]


def test_certainty_that_is_wrong_costs_much_and_not_everything():
    assert prediction.log_loss(np.array([1]), np.array([0.0])) == pytest.approx(-np.log(1e-7))


def test_unequal_lengths_are_refused():
    with pytest.raises(DataError, match=r"one number a pair each: given \(2,\) and \(3,\)"):
        prediction.rmse(np.zeros(2), np.zeros(3))


def test_a_resample_counts_a_pair_as_often_as_its_user():
    rng = np.random.default_rng(0)
    user = np.repeat(np.arange(10), 6)
    liked, said = rng.integers(0, 2, 60), np.round(rng.random(60), 1)
    times = np.concatenate(list(resampled_users(10, 20, 0)))
    assert (times.sum(axis=1) == 10).all()
    found = prediction.auc_resampled(liked, said, user, resampled_users(10, 20, 0))
    expected = [
        oracle.roc_auc_score(np.repeat(liked, often), np.repeat(said, often))
        for often in times[:, user].astype(int)
    ]  # fmt: skip
    assert found == pytest.approx(expected)


def test_the_memory_of_resamples_is_bounded_however_many_pairs_each_user_has():
    rng = np.random.default_rng(0)
    user, liked, said = rng.integers(0, 50, 20_000), rng.integers(0, 2, 20_000), rng.random(20_000)
    tracemalloc.start()
    found = prediction.auc_resampled(liked, said, user, resampled_users(50, 300, 0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 80e6
    assert found[:3] == pytest.approx(prediction.auc_resampled(liked, said, user, resampled_users(50, 3, 0)))

"""Our metrics against scikit-learn's, ranx's and scipy's on random input."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy import stats
from sklearn.metrics import ndcg_score, roc_auc_score

from palate.linalg.topk import top_k
from palate.metrics import (
    auc,
    average_precision,
    bootstrap_interval,
    f1,
    hit_rate,
    ndcg,
    paired_test,
    precision,
    recall,
    reciprocal_rank,
)
from ranx_oracle import ranx_metrics


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(7)
    scores = rng.permuted(np.tile(np.arange(60, dtype=np.float32), (80, 1)), axis=1)
    relevant = rng.random((80, 60)) < rng.uniform(0.02, 0.5, size=(80, 1))
    relevant[np.arange(80), rng.integers(60, size=80)] = True
    return scores, relevant, top_k(scores, 60).items


@pytest.mark.parametrize("k", [1, 5, 20, 60])
def test_ndcg_is_that_of_scikit_learn(world, k):
    scores, relevant, items = world
    theirs = [ndcg_score(truth[None], row[None], k=k) for truth, row in zip(relevant, scores, strict=True)]
    assert ndcg(items, sp.csr_array(relevant), k) == pytest.approx(theirs)


def test_auc_is_that_of_scikit_learn_with_ties_and_hidden_items(world):
    scores, relevant, _ = world
    scores = np.floor(scores / 7)
    hidden = (np.random.default_rng(1).random(scores.shape) < 0.3) & ~relevant
    theirs = [
        roc_auc_score(truth[~gone], row[~gone])
        for truth, row, gone in zip(relevant, scores, hidden, strict=True)
    ]  # fmt: skip
    assert auc(scores, sp.csr_array(relevant), sp.csr_array(hidden)) == pytest.approx(theirs)


def test_metrics_are_those_of_ranx(world):
    scores, relevant, items = world
    qrels = {f"u{u}": {f"i{i}": 1 for i in np.flatnonzero(row)} for u, row in enumerate(relevant)}
    run = {f"u{u}": {f"i{i}": float(row[i]) for i in range(60)} for u, row in enumerate(scores)}
    names = {"recall": recall, "precision": precision, "f1": f1, "hit_rate": hit_rate, "mrr": reciprocal_rank,
             "ndcg": ndcg}  # fmt: skip
    cuts = [(name, k) for name in names for k in (1, 5, 20)]
    theirs = ranx_metrics(qrels, run, [*(f"{name}@{k}" for name, k in cuts), "map@60"])
    truth = sp.csr_array(relevant)
    ours = {f"{name}@{k}": names[name](items, truth, k).mean() for name, k in cuts}
    # ranx divides MAP@k by rel; ours by min(rel, k): the same on the full list.
    assert {**ours, "map@60": average_precision(items, truth, 60).mean()} == pytest.approx(theirs)


def test_paired_test_is_that_of_scipy():
    rng = np.random.default_rng(3)
    first, second = rng.random(10), rng.random(10) + 0.2
    exact = stats.permutation_test(
        (first, second), lambda a, b, axis: (a - b).mean(axis=axis), permutation_type="samples", n_resamples=np.inf,
        vectorized=True,
    )  # fmt: skip
    assert paired_test(first, second) == pytest.approx(exact.pvalue)
    many = rng.normal(0.05, 1, 2000)
    assert paired_test(many, np.zeros(2000)) == pytest.approx(stats.ttest_1samp(many, 0).pvalue, abs=0.01)


def test_bootstrap_is_that_of_scipy():
    values = np.random.default_rng(4).random(400) ** 3
    low, high = bootstrap_interval(values[:, None], resamples=4000)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(0))
    assert (low[0], high[0]) == pytest.approx(tuple(theirs.confidence_interval), abs=0.004)


def test_auc_of_wide_rows_is_that_of_narrow_ones(world, monkeypatch):
    scores, relevant, _ = world
    scores = np.where(np.random.default_rng(2).random(scores.shape) < 0.1, np.nan, np.floor(scores / 7))
    hidden = (np.random.default_rng(1).random(scores.shape) < 0.3) & ~relevant
    given = scores.astype(np.float32)
    narrow = auc(given, sp.csr_array(relevant), sp.csr_array(hidden))
    monkeypatch.setattr("palate.metrics.scores._WIDE", 1)
    assert np.array_equal(narrow, auc(given, sp.csr_array(relevant), sp.csr_array(hidden)))
    assert np.array_equal(given, scores.astype(np.float32), equal_nan=True)

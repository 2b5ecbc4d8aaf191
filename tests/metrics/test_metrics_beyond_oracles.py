"""Metrics beyond accuracy and other libraries' metrics, against implicit, ranx, scipy and plain loops."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.spatial.distance import pdist
from scipy.stats import entropy

from palate.linalg.topk import top_k
from palate.metrics import COMPAT, Hits, calibration, category_diversity, content_diversity, gini, parse_measures
from ranx_oracle import ranx_metrics

USERS, ITEMS = 70, 50


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(11)
    scores = rng.permuted(np.tile(np.arange(ITEMS, dtype=np.float32), (USERS, 1)), axis=1)
    seen = rng.random(scores.shape) < 0.2
    relevant = (rng.random(scores.shape) < rng.uniform(0.02, 0.5, size=(USERS, 1))) & ~seen
    relevant[:5] = False
    scores[seen] = np.nan
    return scores, seen, relevant, top_k(scores, 20).items


class Told:
    """What implicit evaluates: it recommends the lists that it was given."""

    def __init__(self, items):
        self.items = items

    def recommend(self, users, rows, N):
        return np.ascontiguousarray(self.items[users, :N]), None


@pytest.mark.parametrize("k", [1, 5, 20])
def test_metrics_as_implicit_counts_are_those_of_implicit(world, k):
    evaluation = pytest.importorskip("implicit.evaluation")
    _, seen, relevant, items = world
    items = items.copy()
    items[::3, 3:] = -1  # some lists are short
    train, test = (sp.csr_matrix(each.astype(np.float32)) for each in (seen, relevant))
    theirs = evaluation.ranking_metrics_at_k(Told(items), train, test, K=k, show_progress=False)
    hits = Hits.of(items, sp.csr_array(relevant))
    ours = {}
    for measure in parse_measures(list(theirs), [k], "implicit"):
        values = measure.of_lists.of_hits(hits, k)
        weights = measure.weight(hits, k) if measure.weight else np.ones(USERS)
        some = np.isfinite(values)
        ours[measure.metric] = (values[some] * weights[some]).sum() / weights[some].sum()
    assert ours == pytest.approx(theirs)
    assert {str(m) for m in parse_measures(list(theirs), [k], "implicit")} == {
        f"precision@{k} (implicit)", f"auc@{k} (implicit)", f"map@{k}", f"ndcg@{k}",
    }  # fmt: skip


def test_map_as_ranx_counts_is_that_of_ranx(world):
    scores, _, relevant, items = world
    some = np.flatnonzero(relevant.any(axis=1))
    qrels = {f"u{u}": {f"i{i}": 1 for i in np.flatnonzero(relevant[u])} for u in some}
    run = {f"u{u}": {f"i{i}": float(scores[u, i]) for i in items[u]} for u in some}
    theirs = ranx_metrics(qrels, run, [f"map@{k}" for k in (1, 5, 20)])
    metric = COMPAT["ranx"].metrics["map"]
    assert {f"map@{k}": np.nanmean(metric(items, sp.csr_array(relevant), k)) for k in (1, 5, 20)} == pytest.approx(
        theirs
    )


def test_gini_is_half_the_relative_mean_difference(world):
    items = world[3]
    times = np.bincount(items[:, :3].ravel(), minlength=ITEMS)
    pairs = np.abs(times[:, None] - times[None, :]).mean()
    assert gini(items, ITEMS, 3) == pytest.approx(pairs / (2 * times.mean()))


def test_diversity_by_category_is_the_mean_jaccard_distance_of_scipy(world, monkeypatch):
    monkeypatch.setattr("palate.metrics.variety._CELLS", 1000)  # several blocks
    items = world[3]
    marks = np.random.default_rng(0).random((ITEMS, 6)) < 0.3
    marks[:, 0] |= ~marks.any(axis=1)
    theirs = [pdist(marks[row], "jaccard").mean() for row in items[:, :7]]
    assert category_diversity(items, sp.csr_array(marks), 7) == pytest.approx(theirs)


def test_diversity_by_content_is_the_mean_cosine_distance_of_scipy(world, monkeypatch):
    monkeypatch.setattr("palate.metrics.variety._CELLS", 1000)
    items = world[3]
    vectors = np.random.default_rng(0).normal(size=(ITEMS, 9)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    theirs = [pdist(vectors[row], "cosine").mean() for row in items[:, :7]]
    assert content_diversity(items, vectors, np.ones(ITEMS, bool), 7) == pytest.approx(theirs, abs=1e-6)


def test_calibration_is_the_entropy_of_scipy(world, monkeypatch):
    monkeypatch.setattr("palate.metrics.variety._CELLS", 1000)
    items, liked = world[3], world[1]
    marks = np.random.default_rng(0).random((ITEMS, 6)) < 0.3
    marks[:, 0] |= ~marks.any(axis=1)
    shares = marks / marks.sum(axis=1, keepdims=True)
    theirs = []
    for row, history in zip(items[:, :7], liked, strict=True):
        p, q = shares[history].mean(axis=0), shares[row].mean(axis=0)
        theirs.append(entropy(p, 0.99 * q + 0.01 * p))
    assert calibration(items, sp.csr_array(liked), sp.csr_array(marks), 7) == pytest.approx(theirs)

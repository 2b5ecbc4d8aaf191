"""What must hold of every metric, whatever the lists."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.linalg.topk import top_k
from palate.metrics import COMPAT, LISTS, auc, coverage, holm, paired_test

every_metric = pytest.mark.parametrize("metric", LISTS.values(), ids=LISTS)
quick = settings(max_examples=30, deadline=None)


@st.composite
def worlds(draw):
    """Scores with ties and holes, relevant items (at least one a user), and a cut-off."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    users, items = draw(st.integers(1, 6)), draw(st.integers(2, 12))
    scores = rng.integers(0, draw(st.integers(1, 20)), (users, items)).astype(np.float32)
    scores[rng.random(scores.shape) < draw(st.floats(0, 0.5))] = np.nan
    relevant = rng.random(scores.shape) < draw(st.floats(0, 1))
    relevant[np.arange(users), rng.integers(items, size=users)] = True
    return scores, relevant, draw(st.integers(1, items)), rng


@every_metric
@quick
@given(worlds())
def test_between_zero_and_one(metric, world):
    scores, relevant, k, _ = world
    values = metric(top_k(scores, k).items, sp.csr_array(relevant), k)
    assert (values >= 0).all()
    assert (values <= 1 + 1e-12).all()


@every_metric
@quick
@given(worlds())
def test_users_do_not_depend_on_one_another(metric, world):
    scores, relevant, k, rng = world
    items = top_k(scores, k).items
    order = rng.permutation(len(items))
    values = metric(items, sp.csr_array(relevant), k)
    assert np.array_equal(metric(items[order], sp.csr_array(relevant[order]), k), values[order])
    assert metric(items[:1], sp.csr_array(relevant[:1]), k)[0] == values[0]


@every_metric
@quick
@given(worlds())
def test_what_stands_after_k_does_not_count(metric, world):
    scores, relevant, k, rng = world
    items = top_k(scores, scores.shape[1]).items
    truth = sp.csr_array(relevant)
    changed = items.copy()
    changed[:, k:] = rng.permuted(changed[:, k:], axis=1)
    assert np.array_equal(metric(items, truth, k), metric(changed, truth, k))


@every_metric
@quick
@given(worlds())
def test_renaming_items_changes_nothing(metric, world):
    scores, relevant, k, rng = world
    items = top_k(scores, k).items
    code = rng.permutation(scores.shape[1])
    renamed = np.where(items >= 0, code[items], -1)
    truth = np.empty_like(relevant)
    truth[:, code] = relevant
    assert np.array_equal(metric(items, sp.csr_array(relevant), k), metric(renamed, sp.csr_array(truth), k))


@every_metric
@quick
@given(worlds())
def test_a_perfect_list_is_the_best_there_is(metric, world):
    scores, relevant, k, _ = world
    truth = sp.csr_array(relevant)
    perfect = metric(top_k(relevant.astype(np.float32), k).items, truth, k)
    assert (perfect >= metric(top_k(scores, k).items, truth, k) - 1e-12).all()
    if metric.__name__ in ("ndcg", "average_precision", "reciprocal_rank", "hit_rate"):
        assert perfect == pytest.approx(np.ones(len(scores)))


@every_metric
@quick
@given(worlds())
def test_irrelevant_items_after_the_last_hit_change_nothing(metric, world):
    scores, relevant, k, _ = world
    truth = sp.csr_array(relevant)
    items = top_k(scores, k).items
    found = (np.take_along_axis(relevant, np.maximum(items, 0), axis=1)) & (items >= 0)
    after = np.cumsum(found[:, ::-1], axis=1)[:, ::-1] == 0
    assert np.array_equal(metric(items, truth, k), metric(np.where(after, -1, items), truth, k))


@quick
@given(worlds())
def test_auc_by_counting_pairs(world):
    scores, relevant, _, _ = world
    keys = np.where(np.isnan(scores), -1, scores)
    for user, value in enumerate(auc(scores, sp.csr_array(relevant))):
        good, bad = keys[user, relevant[user]], keys[user, ~relevant[user]]
        if len(bad) == 0:
            assert np.isnan(value)
            continue
        wins = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2
        assert value == pytest.approx(wins)


@quick
@given(worlds())
def test_coverage_grows_with_k(world):
    scores, _, _, _ = world
    n = scores.shape[1]
    items = top_k(scores, n).items
    shares = [coverage(items, n, k) for k in range(1, n + 1)]
    assert shares == sorted(shares)
    assert shares[-1] == (~np.isnan(scores)).any(axis=0).mean()


@quick
@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_never_helps(p_values):
    corrected = np.array(holm(p_values))
    assert (corrected >= np.array(p_values)).all()
    assert (corrected <= 1).all()
    assert (np.diff(corrected[np.argsort(p_values, kind="stable")]) >= 0).all()


@quick
@given(st.integers(0, 1000), st.integers(1, 30))
def test_paired_test_does_not_care_who_is_first(seed, n):
    first, second = np.random.default_rng(seed).random((2, n))
    p = paired_test(first, second, flips=99)
    assert 0 < p <= 1
    assert p == paired_test(second, first, flips=99)


@quick
@given(worlds())
def test_other_definitions_differ_from_ours_only_where_they_say(world):
    scores, relevant, k, _ = world
    items, truth = top_k(scores, k).items, sp.csr_array(relevant)
    rel, listed = relevant.sum(axis=1), (items >= 0).sum(axis=1)
    ours = {name: metric(items, truth, k) for name, metric in LISTS.items()}
    theirs = {
        (library, name): metric(items, truth, k)
        for library, compat in COMPAT.items()
        for name, metric in compat.metrics.items()
    }
    few, full = rel <= k, listed == k
    for (_, name), values in theirs.items():
        # implicit takes the empty places of a short list for misses, and can fall below 0 by them.
        known = values[np.isfinite(values) & (full if name == "auc" else True)]
        assert ((known >= 0) & (known <= 1 + 1e-12)).all()
    assert theirs["lenskit", "recall"][few] == pytest.approx(ours["recall"][few])
    assert (theirs["lenskit", "recall"] >= ours["recall"] - 1e-12).all()
    assert theirs["lenskit", "precision"][full] == pytest.approx(ours["precision"][full])
    assert theirs["lenskit", "map"][full] == pytest.approx(ours["map"][full])
    assert theirs["ranx", "map"][few] == pytest.approx(ours["map"][few])
    assert (theirs["ranx", "map"] <= ours["map"] + 1e-12).all()
    assert np.array_equal(theirs["implicit", "precision"], theirs["lenskit", "recall"])


@quick
@given(worlds())
def test_the_auc_of_a_whole_list_as_implicit_counts_is_ours(world):
    scores, relevant, _, rng = world
    scores = rng.permuted(np.tile(np.arange(scores.shape[1], dtype=np.float32), (len(scores), 1)), axis=1)
    n, truth = scores.shape[1], sp.csr_array(relevant)
    theirs = COMPAT["implicit"].metrics["auc"](top_k(scores, n).items, truth, n)
    assert theirs == pytest.approx(auc(scores, truth), nan_ok=True)

"""What must hold of metrics beyond accuracy and of groups, whatever the lists."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.evaluation.groups import history_groups, popularity_groups
from palate.linalg.topk import top_k
from palate.metrics import calibration, category_diversity, content_diversity, gini, novelty, popularity_bias
from palate.metrics.variety import ALPHA

quick = settings(max_examples=40, deadline=None)


@st.composite
def shelves(draw):
    """Lists with holes, and all that is known of the items."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    users, n, categories = draw(st.integers(1, 6)), draw(st.integers(2, 12)), draw(st.integers(1, 4))
    scores = rng.random((users, n)).astype(np.float32)
    scores[rng.random(scores.shape) < draw(st.floats(0, 1))] = np.nan
    k = draw(st.integers(1, n))
    vectors = rng.normal(size=(n, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return {
        "items": top_k(scores, k).items, "k": k, "rng": rng, "n": n,
        "popularity": rng.integers(0, users + 1, n), "users": users,
        "marks": rng.random((n, categories)) < draw(st.floats(0, 1)),
        "history": rng.random((users, n)) < 0.4,
        "vectors": vectors, "present": rng.random(n) < 0.8,
    }  # fmt: skip


def measured(w, items, code=None):
    """Every metric of these lists; `code` renames the items."""
    code = np.arange(w["n"]) if code is None else code
    back = np.argsort(code)
    marks, history = sp.csr_array(w["marks"][back]), sp.csr_array(w["history"][:, back])
    return {
        "novelty": novelty(items, w["popularity"][back], w["users"], w["k"]),
        "popularity-bias": popularity_bias(items, w["popularity"][back], w["k"]),
        "diversity-category": category_diversity(items, marks, w["k"]),
        "diversity-content": content_diversity(items, w["vectors"][back], w["present"][back], w["k"]),
        "calibration": calibration(items, history, marks, w["k"]),
    }


@quick
@given(shelves())
def test_each_stays_in_its_range(w):
    tops = {"novelty": np.log2(w["users"]), "popularity-bias": w["popularity"].max(), "diversity-category": 1,
            "diversity-content": 2, "calibration": -np.log(ALPHA)}  # fmt: skip
    for name, values in measured(w, w["items"]).items():
        known = values[np.isfinite(values)]
        assert not np.isinf(values).any()
        assert (known >= 0).all(), name
        assert (known <= tops[name] + 1e-6).all(), name


@quick
@given(shelves())
def test_the_order_within_the_list_does_not_count(w):
    turned = w["rng"].permuted(w["items"], axis=1)
    for name, values in measured(w, w["items"]).items():
        assert values == pytest.approx(measured(w, turned)[name], abs=1e-6, nan_ok=True), name
    assert gini(w["items"], w["n"], w["k"]) == pytest.approx(gini(turned, w["n"], w["k"]), nan_ok=True)


@quick
@given(shelves())
def test_renaming_items_changes_nothing(w):
    code = w["rng"].permutation(w["n"])
    renamed = np.where(w["items"] >= 0, code[w["items"]], -1).astype(np.int32)
    for name, values in measured(w, w["items"]).items():
        assert values == pytest.approx(measured(w, renamed, code)[name], abs=1e-6, nan_ok=True), name
    assert gini(renamed, w["n"], w["k"]) == pytest.approx(gini(w["items"], w["n"], w["k"]), nan_ok=True)


@quick
@given(shelves())
def test_what_an_absent_vector_holds_does_not_count(w):
    changed = np.where(w["present"][:, None], w["vectors"], np.float32(np.nan))
    before = content_diversity(w["items"], w["vectors"], w["present"], w["k"])
    after = content_diversity(w["items"], changed, w["present"], w["k"])
    assert np.array_equal(before, after, equal_nan=True)


@quick
@given(shelves())
def test_a_list_like_the_history_is_calibrated(w):
    kept = w["history"].sum(axis=1) > 0
    lists = top_k(np.where(w["history"], 1.0, np.nan).astype(np.float32), w["n"]).items[kept]
    values = calibration(lists, sp.csr_array(w["history"][kept]), sp.csr_array(w["marks"]), w["n"])
    assert values == pytest.approx(np.where(np.isnan(values), np.nan, 0), abs=1e-12, nan_ok=True)


@quick
@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 6))
def test_history_groups_divide_the_users(lengths, parts):
    groups = history_groups(np.array(lengths), parts)
    assert (np.sum(list(groups.values()), axis=0) == 1).all()
    assert len(groups) <= parts + 1
    for name, rows in groups.items():
        first, _, last = name.partition("-")
        found = np.array(lengths)[rows]
        assert (found.min(), found.max()) == (int(first), int(last or first))


@quick
@given(st.lists(st.integers(0, 30), max_size=40))
def test_popularity_groups_divide_the_items(counts):
    popularity = np.array(counts, dtype=np.int64)
    groups = popularity_groups(popularity)
    assert (np.sum(list(groups.values()), axis=0) == 1).all()
    assert (groups["unliked"] == (popularity == 0)).all()
    total, head, tail = popularity.sum(), popularity[groups["head"]], popularity[groups["tail"]]
    if total:
        assert head.sum() >= 0.2 * total
        assert head.sum() - head.min() < 0.2 * total
        assert tail.sum() <= 0.2 * total
        assert head.min() >= popularity[groups["mid"] | groups["tail"]].max(initial=0)

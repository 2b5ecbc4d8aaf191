import numpy as np
import pytest
import scipy.sparse as sp

from palate.linalg import damped
from palate.linalg.cooccurrence import damped_cosine


def some_likes(seed=0, users=60, items=25):
    rng = np.random.default_rng(seed)
    return sp.csr_array((rng.random((users, items)) < 0.15 * rng.random(items)).astype(np.float32))


def by_definition(liked, shrink, user_power):
    dense = liked.toarray().astype(np.float64)
    degree = np.maximum(dense.sum(axis=1), 1)
    scaled = dense * degree[:, None] ** -user_power
    length = np.linalg.norm(scaled, axis=0)
    below = np.outer(length, length) + shrink
    likeness = np.divide(scaled.T @ scaled, below, out=np.zeros_like(below), where=below > 0)
    np.fill_diagonal(likeness, 0)
    return likeness


@pytest.mark.parametrize(("shrink", "user_power"), [(0, 0), (10, 0.5), (100, 1.0)])
@pytest.mark.parametrize("block", [1, 1 << 21])
def test_equals_the_definition(monkeypatch, shrink, user_power, block):
    monkeypatch.setattr(damped, "_BLOCK", block)
    liked = some_likes()
    likeness = damped_cosine(liked, shrink=shrink, user_power=user_power)
    assert np.allclose(likeness.toarray(), by_definition(liked, shrink, user_power), atol=1e-6)
    assert likeness.dtype == np.float32


def test_is_symmetric_to_the_last_bit():
    likeness = damped_cosine(some_likes(), shrink=10, user_power=0.5).toarray()
    assert np.array_equal(likeness, likeness.T)


@pytest.mark.parametrize("k", [1, 3, 100])
def test_keeps_the_most_alike_and_the_lower_code_in_ties(k):
    liked = some_likes(1)
    whole = damped_cosine(liked, shrink=0, user_power=0).toarray()
    kept = damped_cosine(liked, shrink=0, user_power=0, neighbours=k).toarray()
    for row, values in enumerate(whole):
        best = [code for code in np.argsort(-values, kind="stable")[:k] if values[code] > 0]
        assert np.flatnonzero(kept[row]).tolist() == sorted(best)
        assert np.array_equal(kept[row, best], values[best])


def test_threads_do_not_change_a_bit():
    liked = some_likes(2, 300, 80)
    one, many = (damped_cosine(liked, shrink=5, user_power=0.25, threads=n) for n in (1, 4))
    assert np.array_equal(one.toarray(), many.toarray())


def test_nothing_liked_is_nothing_alike():
    assert damped_cosine(sp.csr_array((4, 3), dtype=np.float32), shrink=0, user_power=0).nnz == 0
    assert damped_cosine(sp.csr_array((0, 0), dtype=np.float32), shrink=1, user_power=1).shape == (0, 0)

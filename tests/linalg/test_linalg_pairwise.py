import numpy as np
import pytest
import scipy.sparse as sp

from palate.linalg.pairwise import Descent, Pairwise


def start(users, items, width=4, scale=0.1):
    rng = np.random.default_rng(0)
    people, things = (rng.normal(scale=scale, size=(size, width)).astype(np.float32) for size in (users, items))
    return Pairwise(people, things, np.zeros(items, np.float32))


def likes(users=300, items=200, share=0.05):
    return sp.csr_array((np.random.default_rng(1).random((users, items)) < share).astype(np.float32))


def test_one_step_by_hand():
    # One user likes item 0; item 1 is the only other that anyone likes. p = (1, 0), q0 = (2, 0), q1 = (0, 1):
    # x = 2, sigma(-x) = d; p += lr (d (q0 - q1) - reg p), q0 += lr (d p - reg q0), q1 += lr (-d p - reg q1), p as before.
    liked = sp.csr_array(np.array([[1, 0], [1, 1]], np.float32))
    learned = Pairwise(
        np.array([[1, 0], [0, 0]], np.float32), np.array([[2, 0], [0, 1]], np.float32), np.zeros(2, np.float32)
    )
    assert Descent(liked, np.random.default_rng(0)).epoch(learned, lr=0.1, reg=0.5) == 1
    d = 1 / (1 + np.exp(2))
    assert learned.people == pytest.approx(np.array([[1 + 0.1 * (2 * d - 0.5), -0.1 * d], [0, 0]]))
    assert learned.things == pytest.approx(np.array([[2 + 0.1 * (d - 1), 0], [-0.1 * d, 1 - 0.05]]))
    assert learned.bias == pytest.approx([0.1 * d, -0.1 * d])


def test_threads_and_another_run_change_nothing():
    results = []
    for threads in (1, 2, 2):
        learned = start(300, 200)
        descent = Descent(likes(), np.random.default_rng(5), threads)
        for _ in range(3):
            descent.epoch(learned, 0.1, 0.01)
        results.append(learned)
    for again in results[1:]:
        assert np.array_equal(again.people, results[0].people)
        assert np.array_equal(again.things, results[0].things)
        assert np.array_equal(again.bias, results[0].bias)


def test_every_like_is_a_step_each_epoch():
    liked = likes()
    assert Descent(liked, np.random.default_rng(0)).epoch(start(300, 200), 0.1, 0.01) == liked.nnz


def test_who_likes_everything_teaches_nothing():
    liked = sp.csr_array(np.ones((3, 5), np.float32))
    learned, before = start(3, 5), start(3, 5)
    assert Descent(liked, np.random.default_rng(0)).epoch(learned, 0.1, 0.01) == 0
    assert np.array_equal(learned.things, before.things)


def test_what_is_liked_is_never_pushed_away():
    # Without reg a bias only falls where its item was drawn for somebody who does not like it: here, item 1 for user 1.
    liked = sp.csr_array(np.array([[1, 1], [1, 0]], np.float32))
    learned = start(2, 2)
    descent = Descent(liked, np.random.default_rng(0))
    for _ in range(50):
        descent.epoch(learned, 0.1, 0.0)
    assert learned.bias[0] > 0 > learned.bias[1]


def test_what_nobody_likes_is_never_drawn():
    liked = sp.csr_array(np.hstack([likes().toarray(), np.zeros((300, 3), np.float32)]))
    learned, before = start(300, 203), start(300, 203)
    Descent(liked, np.random.default_rng(0)).epoch(learned, 0.1, 0.01)
    assert np.array_equal(learned.things[200:], before.things[200:])
    assert (learned.things[:200] != before.things[:200]).any(axis=1).all()


def test_rows_need_not_be_sorted():
    liked = likes()
    mixed = sp.csr_array((liked.data, liked.indices.copy(), liked.indptr), shape=liked.shape)
    for row in range(300):
        mixed.indices[mixed.indptr[row] : mixed.indptr[row + 1]] = liked.indices[
            liked.indptr[row] : liked.indptr[row + 1]
        ][::-1]
    mixed.has_sorted_indices = False
    one, other = start(300, 200), start(300, 200)
    Descent(liked, np.random.default_rng(0)).epoch(one, 0.1, 0.01)
    Descent(mixed, np.random.default_rng(0)).epoch(other, 0.1, 0.01)
    assert np.array_equal(one.things, other.things)

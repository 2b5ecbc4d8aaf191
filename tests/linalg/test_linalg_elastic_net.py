import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.linear_model import ElasticNet

from palate.linalg import elastic_net
from palate.linalg.cooccurrence import damped_cosine
from palate.linalg.elastic_net import elastic_nets


def some_likes(seed=0, users=80, items=20):
    """A few tastes, so that columns overlap; the last column is empty and two are twins."""
    rng = np.random.default_rng(seed)
    taste = rng.random((users, 3)) @ rng.random((3, items))
    likes = (rng.random((users, items)) < 0.35 * taste / taste.mean()).astype(np.float32)
    likes[:, -1] = 0
    likes[:, 1] = likes[:, 0]
    return sp.csr_array(likes)


def by_scikit_learn(liked, l1, l2, positive, near):
    """Its loss is divided by the number of rows, ours is not."""
    dense = liked.toarray().astype(np.float64)
    result = np.zeros((dense.shape[1],) * 2)
    for column in range(len(result)):
        others = np.flatnonzero(near[column])
        if len(others):
            judge = ElasticNet(
                (l1 + l2) / len(dense), l1_ratio=l1 / (l1 + l2), fit_intercept=False, positive=positive,
                max_iter=100_000, tol=1e-14,
            )  # fmt: skip
            result[column, others] = judge.fit(dense[:, others], dense[:, column]).coef_
    return result


@pytest.mark.parametrize("non_negative", [True, False])
@pytest.mark.parametrize(("l1", "l2"), [(0.1, 1), (1, 5), (1.5, 0.5), (2, 30)])
def test_equals_scikit_learn(l1, l2, non_negative):
    liked = some_likes()
    found = elastic_nets(liked, l1=l1, l2=l2, non_negative=non_negative, sweeps=10_000, tolerance=1e-9).toarray()
    near = (liked.T @ liked).toarray() > 0
    np.fill_diagonal(near, False)
    assert np.allclose(found, by_scikit_learn(liked, l1, l2, non_negative, near), atol=1e-5)
    assert (found != 0).any()
    assert (found < 0).any() != non_negative


def test_leaving_out_those_that_are_seldom_liked_together_loses_nothing():
    liked = some_likes(1)
    found = elastic_nets(liked, l1=6, l2=1, sweeps=10_000, tolerance=1e-9).toarray()
    together = (liked.T @ liked).toarray()
    everyone = ~np.eye(20, dtype=bool)
    assert ((together > 0) & (together <= 6)).any()
    assert np.allclose(found, by_scikit_learn(liked, 6, 1, True, everyone), atol=1e-5)


def test_candidates_are_the_most_alike():
    liked = some_likes(2)
    near = damped_cosine(liked, shrink=0, user_power=0, neighbours=4).toarray() > 0
    found = elastic_nets(liked, l1=0.5, l2=1, candidates=4, sweeps=10_000, tolerance=1e-9).toarray()
    assert np.allclose(found, by_scikit_learn(liked, 0.5, 1, True, near), atol=1e-5)
    assert not found[~near].any()


def test_threads_and_blocks_do_not_change_a_bit(monkeypatch):
    liked = some_likes(3, 200, 60)
    ways = []
    for threads, block in ((1, 1 << 20), (4, 1), (3, 3000)):
        monkeypatch.setattr(elastic_net, "_BLOCK", block)
        ways.append(elastic_nets(liked, l1=0.5, l2=2, threads=threads).toarray())
    assert np.array_equal(ways[0], ways[1])
    assert np.array_equal(ways[0], ways[2])


def test_nothing_is_made_of_nothing():
    assert elastic_nets(sp.csr_array((4, 3), dtype=np.float32), l1=1, l2=1).nnz == 0
    assert elastic_nets(sp.csr_array((0, 0), dtype=np.float32), l1=0, l2=0).shape == (0, 0)
    assert elastic_nets(sp.csr_array(np.eye(3, dtype=np.float32)), l1=0, l2=0).nnz == 0


def test_a_bound_on_the_sweeps_holds():
    liked = some_likes()
    one, two = (elastic_nets(liked, l1=0.1, l2=0.1, sweeps=sweeps).toarray() for sweeps in (1, 1000))
    assert not np.allclose(one, two, atol=1e-3)

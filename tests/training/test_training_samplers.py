"""What a like is held against: never what its user likes, and as often as the rule says."""

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("torch")

from palate.training.samplers import registry
from palate.training.samplers._base import Likes

pytestmark = pytest.mark.torch
DRAWN = ["uniform", "popularity", "hard"]


@pytest.fixture
def liked():
    rng = np.random.default_rng(0)
    dense = rng.random((40, 30)) < np.linspace(0.05, 0.6, 30)
    dense[0] = True
    dense[0, 7] = False
    return sp.csr_array(dense.astype(np.float32))


def test_pairs_are_looked_up(liked):
    users, items = np.meshgrid(np.arange(40, dtype=np.int32), np.arange(30, dtype=np.int32), indexing="ij")
    assert np.array_equal(Likes(liked).among(users, items), liked.toarray() > 0)


@pytest.mark.parametrize("name", DRAWN)
def test_nothing_that_the_user_likes_is_drawn(name, liked):
    sampler = registry.get(name)().over(Likes(liked))
    users = np.tile(np.arange(1, 40, dtype=np.int32), 50)
    drawn = sampler.draw(users, np.zeros_like(users), np.random.default_rng(1)).items
    assert not liked.toarray()[users[:, None], drawn].any()
    assert len(np.unique(drawn)) == 30


@pytest.mark.parametrize(
    ("name", "settings"), [("uniform", {}), ("hard", {}), ("popularity", {"power": 0}), ("popularity", {"power": 1})]
)
def test_what_nobody_likes_is_held_against_nothing(name, settings, liked):
    new = np.isin(np.arange(30), [0, 11, 29])
    dense = liked.toarray() * ~new
    sampler = registry.get(name)(**settings).over(Likes(sp.csr_array(dense)))
    users = np.tile(np.arange(1, 40, dtype=np.int32), 50)
    drawn = sampler.draw(users, np.zeros_like(users), np.random.default_rng(1))
    assert np.array_equal(np.unique(drawn.items), np.flatnonzero(~new))
    if settings != {"power": 1}:
        np.testing.assert_allclose(drawn.log_q, np.log(1 / 27), rtol=1e-6)


def test_who_likes_all_but_one_gets_that_one(liked):
    sampler = registry.get("uniform")(count=3).over(Likes(liked))
    drawn = sampler.draw(np.zeros(20, np.int32), np.zeros(20, np.int32), np.random.default_rng(1)).items
    assert (drawn == 7).mean() > 0.8


def test_who_likes_all_that_anybody_does_is_held_against_what_is_new():
    sampler = registry.get("uniform")(count=4).over(Likes(sp.csr_array(np.array([[1.0, 0, 1, 1, 0]], np.float32))))
    drawn = sampler.draw(np.zeros(30, np.int32), np.zeros(30, np.int32), np.random.default_rng(0))
    assert set(np.unique(drawn.items)) == {1, 4}


def test_who_likes_everything_ends_the_search():
    liked = sp.csr_array(np.ones((2, 3), np.float32))
    drawn = (
        registry.get("uniform")()
        .over(Likes(liked))
        .draw(np.zeros(5, np.int32), np.zeros(5, np.int32), np.random.default_rng(0))
    )
    assert drawn.items.shape == (5, 1)


def test_popular_items_come_by_the_power_of_their_likes(liked):
    sampler = registry.get("popularity")(count=200_000, power=0.5).over(Likes(sp.csr_array(liked[1:])))
    chance = np.sqrt(liked[1:].sum(0)) / np.sqrt(liked[1:].sum(0)).sum()
    nobody = sp.csr_array((1, 30), dtype=np.float32)
    sampler.likes.keys = Likes(nobody).keys if len(Likes(nobody).keys) else np.array([-1])
    drawn = sampler.draw(np.zeros(1, np.int32), np.zeros(1, np.int32), np.random.default_rng(0))
    share = np.bincount(drawn.items[0], minlength=30) / 200_000
    assert np.abs(share - chance).max() < 0.003
    assert np.allclose(drawn.log_q[0], np.log(chance)[drawn.items[0]], atol=1e-5)


def test_in_a_batch_the_same_item_and_the_same_user_do_not_count(liked):
    users, items = np.array([1, 2, 1, 3], np.int32), np.array([5, 6, 8, 5], np.int32)
    found = registry.get("in-batch")().over(Likes(liked)).draw(users, items, np.random.default_rng(0))
    assert found.items is items
    barred = np.zeros((4, 4), bool)
    barred[tuple(found.barred)] = True
    assert np.array_equal(barred, (items[:, None] == items) | (users[:, None] == users))

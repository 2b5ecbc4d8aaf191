"""Balanced draws: popular items are held back by their likes, the same from the same seed, and the tail is learned better."""

import numpy as np
import pytest
import scipy.sparse as sp

pytest.importorskip("torch")

import scarce
from palate.fusion._tastes import TastesConfig, batches
from palate.interfaces import Run
from palate.models import LightGCN
from palate.training.batches import Batches
from palate.training.samplers import registry
from palate.training.samplers._base import Likes

pytestmark = pytest.mark.torch
COUNTS = np.array([60, 20, 5, 0, 1])


@pytest.fixture
def liked():
    return sp.csr_array((np.arange(60)[:, None] < COUNTS).astype(np.float32))


def drawn(made, epochs=200):
    rng = np.random.default_rng(0)
    return np.concatenate([batch.items for _ in range(epochs) for batch in made.epoch(rng)])


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_an_item_comes_by_its_likes_to_what_is_left_of_the_power(liked, power):
    made = Batches(liked, registry.get("none")(), 16, balance_items=power)
    share = np.bincount(drawn(made), minlength=5) / (200 * 86)
    wanted = np.where(COUNTS > 0, np.maximum(COUNTS, 1.0) ** (1 - power), 0)
    wanted /= wanted.sum()
    assert np.abs(share - wanted).max() < (1e-12 if not power else 0.01)
    known = COUNTS > 0
    assert np.allclose(made.likes.log_share[known], np.log(wanted[known]), atol=1e-6)


def test_without_it_every_like_comes_once_and_with_it_as_many_are_drawn(liked):
    for power in (0.0, 0.7):
        made = Batches(liked, registry.get("none")(), 16, balance_items=power)
        pairs = [(batch.users, batch.items) for batch in made.epoch(np.random.default_rng(3))]
        assert [len(users) for users, _ in pairs] == [16] * 5 + [6]
        users, items = (np.concatenate(side) for side in zip(*pairs, strict=True))
        assert (liked.toarray()[users, items] == 1).all()
        assert (len(np.unique(users * 5 + items)) == 86) == (power == 0)


def test_the_same_seed_draws_the_same_and_in_batch_negatives_know_how_often(liked):
    one, two = (Batches(liked, registry.get("in-batch")(), 20, balance_items=1.0) for _ in range(2))
    for first, second in zip(*(made.epoch(np.random.default_rng(5)) for made in (one, two)), strict=True):
        assert np.array_equal(first.users, second.users)
        assert np.array_equal(first.items, second.items)
        assert np.allclose(first.log_q, np.log(0.25), atol=1e-6)
        assert np.allclose(first.others.log_q, np.log(0.25), atol=1e-6)
    assert np.array_equal(Likes(liked).log_share, Likes(liked, 0.0).log_share)


def test_rare_combinations_of_parts_and_rare_items_are_drawn_together(liked):
    there = np.array([[True, True], [True, False], [True, True], [True, True], [True, True]])
    made = batches(TastesConfig(even=1.0, balance_items=1.0, batch_size=16), liked, registry.get("none")(), there)
    share = np.bincount(drawn(made), minlength=5) / (200 * 86)
    chance = np.array([1 / 66, 1 / 20, 1 / 66, 0, 1 / 66])
    assert np.abs(share - chance / chance.sum()).max() < 0.01


@pytest.mark.parametrize("rule", [{}, {"loss": "sampled-softmax", "sampler": "in-batch", "cosine": True, "log_q": 0.0}])
def test_where_a_few_hits_hide_the_rest_the_tail_is_found_better(rule):
    gains = []
    for seed in range(2):
        cut = scarce.skewed(seed)
        found = [
            scarce.recall(
                LightGCN(epochs=20, batch_size=256, lr=0.01, dim=16, balance_items=power, **rule).fit(
                    cut.train, None, Run(seed=seed, threads=1)
                ),
                cut,
                k=5,
            )
            for power in (0.0, 1.0)
        ]
        gains.append(found[1] - found[0])
    assert min(gains) > 0.05

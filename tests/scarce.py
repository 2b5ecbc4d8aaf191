"""Worlds in which little is known, for tests of what is done about it."""

from __future__ import annotations

import numpy as np

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.data.split._base import Split
from palate.evaluation import evaluate


def world(users, values, user, item):
    """A dataset in which these people like these items, whose look is known."""
    ids = IdMap(f"i{n}" for n in range(len(values)))
    rows = Interactions(np.asarray(user, np.int32), np.asarray(item, np.int32), np.ones(len(user), np.float32))
    look = FeatureTable(values.astype(np.float32), np.ones(len(values), bool), "look")
    return Dataset(IdMap(f"u{n}" for n in range(users)), ids, rows, bare_catalogue(ids), features={"look": look})


def cut_of(whole, train):
    """A split in which training has these rows, and the test all others."""
    nothing = whole.take_interactions(np.zeros(len(train), bool))
    return Split(whole.take_interactions(train), nothing, whole.take_interactions(~train), "planted")


def coloured(seed=0, shuffled=False, likes=1):
    """People like things of one colour, which their look tells; training knows `likes` of each, the test four more."""
    rng = np.random.default_rng(seed)
    users, items, colours = 400, 160, 8
    own = np.arange(items).reshape(colours, -1)
    chosen = np.array([rng.permutation(own[user % colours])[: likes + 4] for user in range(users)])
    look = rng.normal(size=(colours, 8))[np.arange(items) // (items // colours)] + 0.2 * rng.normal(size=(items, 8))
    look = look[rng.permutation(items)] if shuffled else look
    train = np.tile(np.arange(likes + 4) < likes, users)
    return cut_of(world(users, look, np.repeat(np.arange(users), likes + 4), chosen.ravel()), train)


def skewed(seed=0):
    """Everyone likes five of a dozen hits, and two things of a niche of eight; the test asks for two more of the niche."""
    rng = np.random.default_rng(seed)
    users, hits, niches = 240, 12, 20
    own = hits + np.arange(niches * 8).reshape(niches, -1)
    liked = [np.concatenate([rng.permutation(own[u % niches])[:4], rng.permutation(hits)[:5]]) for u in range(users)]
    train = np.tile(np.arange(9) >= 2, users)
    values = rng.normal(size=(hits + niches * 8, 4))
    return cut_of(world(users, values, np.repeat(np.arange(users), 9), np.ravel(liked)), train)


def recall(model, cut, k=20):
    """Recall on the test part of a fitted model."""
    return evaluate(model, cut, k, ("recall",), resamples=1).metrics[f"recall@{k}"]

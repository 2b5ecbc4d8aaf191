"""What tests of networks share: small data, and the equations that many models have in common, written out densely."""

import numpy as np

from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.models import registry
from palate.models._deep import VectorModel

NETWORKS = [name for name in registry.names() if issubclass(registry.get(name), VectorModel)]


def shop(users=12, items=9, seed=0, likes=0.4, parts=True):
    rng = np.random.default_rng(seed)
    user, item = np.nonzero(rng.random((users, items)) < likes)
    ids = IdMap(f"i{n}" for n in range(items))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    features = {}
    for name, width in (("photo", 6), ("text", 4)) if parts else ():
        present = rng.random(items) < 0.8
        values = np.where(present[:, None], rng.normal(size=(items, width)), np.nan).astype(np.float32)
        features[name] = FeatureTable(values, present, name)
    return Dataset(IdMap(f"u{n}" for n in range(users)), ids, rows, bare_catalogue(ids), features=features)


def everyone(data):
    return Queries.of_users(data, np.arange(len(data.users), dtype=np.int32))


def dense(operator):
    return operator.forward.to_dense().numpy().astype(np.float64)


def weights(network):
    return {name: array.astype(np.float64) for name, array in network.weights.arrays().items()}


def hops(data, people, things, layers, item_power=0.5):
    liked = data.liked.toarray().astype(np.float64)
    with np.errstate(divide="ignore"):
        rows, columns = (np.where(d > 0, d**-0.5, 0) for d in (liked.sum(1), liked.sum(0)))
        powered = np.where(columns > 0, liked.sum(0) ** -item_power, 0)
    damped = rows[:, None] * liked * powered
    damped *= (rows[:, None] * liked * columns).sum() / damped.sum()
    found = [(people, things)]
    for _ in range(layers):
        people, things = found[-1]
        found.append((damped @ things, damped.T @ people))
    return [np.mean([hop[side] for hop in found], axis=0) for side in (0, 1)]


def units(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def linear(learned, name, rows):
    bias = learned.get(f"{name}.bias", 0)
    return rows @ learned[f"{name}.weight"].T + bias


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def built(name, data, **settings):
    model = registry.get(name)(dim=5, **settings)
    network = model._network(data, np.random.default_rng(3))
    people, items = (side.detach().numpy() for side in vectors(network))
    return network, weights(network), people, items


def vectors(network):
    return network.vectors(network.whole) if hasattr(network, "whole") else network.final()


def taste_for_content(seed=0, shuffled=False):
    """People like things of one colour; half of the things are new, and only their parts tell the colour."""
    rng = np.random.default_rng(seed)
    users, items = 80, 60
    colour = np.arange(items) % 4
    fond = (np.arange(users)[:, None] % 4 == colour) & (rng.random((users, items)) < 0.6) & (np.arange(items) < 40)
    user, item = np.nonzero(fond)
    centre = rng.normal(size=(4, 8))
    values = centre[colour] + 0.3 * rng.normal(size=(items, 8))
    values = values[rng.permutation(items)] if shuffled else values
    ids = IdMap(f"i{n}" for n in range(items))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    part = FeatureTable(values.astype(np.float32), np.ones(items, bool), "look")
    data = Dataset(IdMap(f"u{n}" for n in range(users)), ids, rows, bare_catalogue(ids), features={"look": part})
    return data, colour


def normed(rows):
    """Rows of length one; zeros stay."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def softmax(x):
    raised = np.exp(x - x.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def info_nce(one, other):
    return -np.log(np.diag(softmax(normed(one) @ normed(other).T / 0.2))).mean()

"""Networks that look at several views: what each makes of given weights, densely, and that every loss teaches."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import NETWORKS, built, dense, hops, info_nce, linear, normed, shop, softmax  # noqa: E402
from palate.training.batches import Batches  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402

pytestmark = pytest.mark.torch


def whole(data, items, people, layers):
    """Hop after hop over the likes, none averaged; an item without likes stays as it is."""
    liked = data.liked.toarray().astype(np.float64)
    rows, columns = (np.maximum(liked.sum(axis), 1) ** -0.5 for axis in (1, 0))
    damped, first = rows[:, None] * liked * columns, items
    for _ in range(layers):
        people, items = damped @ items, damped.T @ people
    return people, np.where(liked.sum(0)[:, None] > 0, items, first)


def by_parts(data, network):
    """The values of each part as the network reads them, and which items have it."""
    for name in ("photo", "text"):
        yield name, network.values[name].numpy().astype(np.float64), data.features[name].present


def behaviour_of(data, learned):
    """An item that nobody likes has no vector of its own."""
    return hops(data, learned["people"], learned["things"] * (data.liked.sum(0) > 0)[:, None], 2)


def told_by_groups(data, network, learned, layers):
    liked, told = data.liked.toarray().astype(np.float64), {}
    for name, values, present in by_parts(data, network):
        likely = linear(learned, f"groups {name}", values)
        mine = softmax(likely / 0.2) * present[:, None]
        theirs = softmax(liked @ likely / 0.2) * (liked @ present > 0)[:, None]
        items = behaviour_of(data, learned)[1]
        for _ in range(layers):
            centres = mine.T @ items
            people, items = theirs @ centres, mine @ centres
        told[name] = np.concatenate([people, items])
    return told


@pytest.mark.parametrize("layers", [1, 2])
def test_lgmrec_adds_smoothed_parts_and_what_groups_tell(layers):
    data = shop(items=14, likes=0.15, seed=2)
    assert (data.liked.sum(0) == 0).any()
    network, learned, people, items = built(
        "lgmrec", data, hyperedges=3, hyper_layers=layers, content_layers=2, alpha=0.7
    )
    expected = np.concatenate(behaviour_of(data, learned))
    liked = data.liked.toarray().astype(np.float64)
    for name, values, present in by_parts(data, network):
        projected = linear(learned, f"map {name}", values)
        mean = liked @ projected / np.maximum(liked @ present, 1)[:, None]
        expected += normed(np.concatenate(whole(data, projected, mean, 2)))
    told = told_by_groups(data, network, learned, layers)
    expected += 0.7 * normed(sum(told.values()))
    np.testing.assert_allclose(np.concatenate([people, items]), expected, atol=1e-5)


def batch_of(data, config, seed=0):
    kind = samplers.get(config.sampler)
    return next(Batches(data.liked, kind(), 64).epoch(np.random.default_rng(seed)))


def test_lgmrec_contrasts_those_that_have_both_parts_once_each():
    data = shop(likes=0.2, seed=3)
    network, learned, _, _ = built("lgmrec", data)
    batch = batch_of(data, network.config)
    told = told_by_groups(data, network, learned, 1)
    both = data.features["photo"].present & data.features["text"].present
    liked = data.liked.toarray()
    some = np.logical_and(*(liked @ data.features[name].present > 0 for name in told))
    assert not both[batch.items].all()
    expected = 0.0
    for codes in (batch.users[some[batch.users]], 12 + batch.items[both[batch.items]]):
        rows = sorted(set(codes.tolist()))
        expected += info_nce(told["photo"][rows], told["text"][rows])
    with torch.no_grad():
        found = network.joined(network.graph)[2]
    assert float(network._differ(found, ("photo", "text"), batch)) == pytest.approx(expected, rel=1e-4)


def test_lgmrec_draws_in_training_alone():
    data = shop()
    network, _, _, _ = built("lgmrec", data)
    with torch.no_grad():
        users, _, _ = network.joined(network.graph)
        again, _, _ = network.joined(network.graph)
        drawn, other = (network.joined(network.graph, torch.Generator().manual_seed(seed))[0] for seed in (1, 2))
    assert torch.equal(users, again)
    assert not torch.allclose(drawn, users)
    assert not torch.allclose(drawn, other)


def test_pgl_makes_items_of_parts_that_it_learns_further():
    data = shop(items=14, likes=0.15, seed=2)
    network, learned, people, items = built("pgl", data, neighbours=3)
    assert people.shape[1] == items.shape[1] == 10
    views, start = [], 0
    for name, width in (("photo", 6), ("text", 4)):
        given = learned["things"][:, start : start + width]
        views.append(normed(linear(learned, f"map {name}", given)) * data.features[name].present[:, None])
        start += width
    first = np.concatenate(views, axis=1)
    expected = hops(data, learned["people"], first, 2)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    np.testing.assert_allclose(items, expected[1] + dense(network.near) @ first, atol=1e-5)


def test_pgl_learns_on_from_the_parts_that_are_there():
    data = shop()
    network = built("pgl", data)[0]
    network.losses(batch_of(data, network.config), torch.Generator())["bpr"].backward()
    moved = network.things.grad.abs().numpy()
    for part, columns in (("photo", slice(0, 6)), ("text", slice(6, 10))):
        present = data.features[part].present
        assert not present.all()
        assert (moved[present, columns].sum(1) > 0).all()
        assert not moved[~present, columns].any()


def test_pgl_contrasts_two_views_once_each():
    data = shop(likes=0.2, seed=3)
    network, _, people, items = built("pgl", data, dropout=0.0, contrast=0.5)
    batch = batch_of(data, network.config)
    found = network.losses(batch, torch.Generator())["contrast"].detach()
    once = people[sorted(set(batch.users.tolist()))], items[sorted(set(batch.items.tolist()))]
    assert float(found) == pytest.approx(0.25 * sum(info_nce(side, side) for side in once), rel=1e-4)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_loss_teaches(name):
    """None is multiplied by nothing: each alone has a gradient."""
    data = shop()
    network, _, _, _ = built(name, data, reg=0.1)
    losses = network.losses(batch_of(data, network.config), torch.Generator().manual_seed(0))
    assert losses
    for loss in losses.values():
        grads = torch.autograd.grad(loss, list(network.weights.parameters()), retain_graph=True, allow_unused=True)
        assert sum(float(grad.abs().sum()) for grad in grads if grad is not None) > 0

"""Networks whose graphs are of the parts: what each makes of given weights, against the equations written out densely."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from networks import built, hops, linear, shop, units  # noqa: E402
from palate.training.batches import Batches  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402

pytestmark = pytest.mark.torch


def to_nearest(rows, present, warm, count):
    """Join each present row to its nearest among those liked, by weights that add up to one; float64[n, n]."""
    cosines = units(np.where(present[:, None], rows, 1)) @ units(np.where(present[:, None], rows, 1)).T
    graph = np.zeros_like(cosines)
    for i in np.flatnonzero(present):
        others = [j for j in np.flatnonzero(present & warm) if j != i]
        for j in sorted(others, key=lambda j: -cosines[i, j])[:count]:
            graph[i, j] = max(cosines[i, j], 0)
    sums = graph.sum(1, keepdims=True)
    return graph / np.where(sums > 0, sums, 1)


@pytest.mark.parametrize("layers", [1, 2])
def test_lattice_adds_the_direction_of_what_the_mined_graph_lends(layers):
    data = shop(likes=0.2)
    network, learned, people, items = built("lattice", data, neighbours=3, frozen=0.6, item_layers=layers)
    warm = data.liked.toarray().any(0)
    with torch.no_grad():
        network.alpha[:] = torch.tensor([0.5, -0.3])
    people, items = (side.detach().numpy() for side in network.final())
    graphs, there = [], []
    for name, value in network.values.items():
        rows, present = value.numpy().astype(np.float64), data.features[name].present
        first = to_nearest(rows, present, warm, 3)
        then = to_nearest(linear(learned, f"map {name}", rows), present, warm, 3)
        graphs.append(0.6 * first + 0.4 * then)
        there.append(present)
    weights = np.exp([0.5, -0.3])[:, None] * np.array(there)
    weights = weights / np.maximum(weights.sum(0), 1e-9)
    mined = sum(weight[:, None] * graph for weight, graph in zip(weights, graphs, strict=True))
    own = learned["things"] * warm[:, None]
    taken = np.linalg.matrix_power(mined, layers) @ own
    expected = hops(data, learned["people"], own, 2)
    lengths = np.linalg.norm(taken, axis=1, keepdims=True)
    np.testing.assert_allclose(people, expected[0], atol=1e-5)
    np.testing.assert_allclose(items, expected[1] + taken / np.where(lengths > 0, lengths, 1), atol=1e-5)


def leaky(x):
    return np.where(x > 0, x, 0.01 * x)


def mean_of_neighbours(liked, present):
    users, items = liked.shape
    edges = liked.astype(bool) * present
    graph = np.block([[np.zeros((users, users)), edges], [edges.T, np.zeros((items, items))]])
    return graph / np.maximum(graph.sum(1, keepdims=True), 1)


def test_mmgcn_spreads_tastes_and_content_in_a_graph_of_each_part():
    data = shop(likes=0.2)
    network, learned, people, items = built("mmgcn", data, layers=2)
    liked = data.liked.toarray()
    own = np.concatenate([learned["people"], learned["things"] * liked.any(0)[:, None]])
    total, count = np.zeros_like(own), np.zeros((len(own), 1))
    for name, value in network.values.items():
        present = data.features[name].present
        graph = mean_of_neighbours(liked, present)
        content = linear(learned, f"map {name}", value.numpy().astype(np.float64))
        x = units(np.concatenate([learned[f"taste {name}"], content + 1e-30]))
        for layer in range(2):
            heard = leaky(graph @ linear(learned, f"hear {layer} {name}", x))
            x = leaky(
                linear(learned, f"mix {layer} {name}", heard) + leaky(linear(learned, f"keep {layer} {name}", x)) + own
            )
        there = np.concatenate([graph[: len(people)].any(1), present])[:, None]
        total, count = total + there * x, count + there
    expected = np.where(count > 0, total / np.maximum(count, 1), own)
    np.testing.assert_allclose(np.concatenate([people, items]), expected, atol=1e-5)


def descended(network, data):
    """Return the gradient of each weight for a batch of everything."""
    batches = Batches(data.liked, samplers.get("uniform")(), 1000)
    (batch,) = batches.epoch(np.random.default_rng(0))
    sum(network.losses(batch, None).values()).backward()
    return {name: weight.grad for name, weight in network.weights.named.items()}


@pytest.mark.parametrize("name", ["lattice", "mmgcn"])
def test_every_weight_is_learned(name):
    data = shop(users=60, items=20)
    network, *_ = built(name, data, reg=0.0)
    missed = [weight for weight, grad in descended(network, data).items() if grad is None or not grad.any()]
    assert missed == []


def test_lattice_learns_the_weights_of_edges_and_of_parts():
    """Gradients of what decides the graph, against differences; the edges stay."""
    data = shop()
    network, *_ = built("lattice", data, neighbours=3, frozen=0.2)
    goal = torch.from_numpy(np.random.default_rng(1).normal(size=(9, 5)).astype(np.float32))

    def value():
        return (network.vectors(network.whole)[1] * goal).sum()

    for weight in (network.alpha, network.maps["photo"].weight, network.maps["text"].bias):
        (grad,) = torch.autograd.grad(value(), weight)
        with torch.no_grad():
            for place in list(np.ndindex(*weight.shape))[:6]:
                before, sides = weight[place].item(), []
                for step in (0.01, -0.01):
                    weight[place] = before + step
                    sides.append(value().item())
                weight[place] = before
                assert (sides[0] - sides[1]) / 0.02 == pytest.approx(grad[place].item(), abs=2e-3)


def test_lattice_mines_in_each_epoch_what_is_near_by_then():
    data = shop(users=60, items=40)
    network, *_ = built("lattice", data, neighbours=3, frozen=0.0)

    def joined():
        return {name: edges.columns.tolist() for name, (_, edges) in network.mined.items()}

    before, rng = joined(), np.random.default_rng(0)
    network.begin_epoch(rng)
    assert joined() == before
    with torch.no_grad():
        network.maps["photo"].weight.copy_(torch.from_numpy(rng.normal(size=(5, 6))))
    assert joined() == before
    network.begin_epoch(rng)
    after = joined()
    assert after["photo"] != before["photo"]
    assert after["text"] == before["text"]


def test_lattice_scores_by_the_weights_alone():
    """Weights that are loaded, as those of the best epoch are, bring the graph with them that they stand for."""
    data = shop(users=60, items=40)
    one, _, people, items = built("lattice", data, neighbours=3, frozen=0.3)
    other, *_ = built("lattice", data, neighbours=3, frozen=0.3)
    with torch.no_grad():
        for weight in other.weights.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))
    other.begin_epoch(np.random.default_rng(0))
    other.weights.load(one.weights.arrays())
    with torch.no_grad():
        found = [side.numpy() for side in other.final()]
    np.testing.assert_array_equal(found[0], people)
    np.testing.assert_array_equal(found[1], items)


def test_what_an_item_lacks_changes_nothing_for_others():
    """In the graph of a part, an item without it lends its users nothing, not even what it is by itself."""
    data = shop(likes=0.5)
    network, *_ = built("mmgcn", data)
    bare = np.flatnonzero(~data.features["photo"].present)[0]
    own = network.first().detach()
    before = network.spread("photo", own)
    own[len(data.users) + bare] += 100
    after = network.spread("photo", own)
    others = np.arange(len(own)) != len(data.users) + bare
    assert torch.equal(after[others], before[others])
    assert not torch.equal(after, before)

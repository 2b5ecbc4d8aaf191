"""The networks of aligners: numpy says what torch says, equations written out, and who teaches whom."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.align import registry  # noqa: E402
from palate.align._base import Views  # noqa: E402
from palate.align._learned import PartsNetwork, likeness  # noqa: E402
from palate.align._reading import apart, heaped  # noqa: E402
from palate.align._towers import Convolution, Dense, Gated  # noqa: E402
from palate.core.errors import MissingExtraError  # noqa: E402
from palate.core.rng import generator  # noqa: E402
from palate.core.state import State  # noqa: E402
from palate.nn import _torch  # noqa: E402
from palate.nn.network import Weights  # noqa: E402
from parted import shop, some_parts  # noqa: E402

pytestmark = pytest.mark.torch

LEARNED = [name for name in registry.names() if registry.get(name).extra == "deep"]
TOWERS = [
    Dense(12, 7, 3), Convolution(12, 7, 3, 1, 3), Convolution(12, 7, 3, 6, 3), Convolution(12, 7, 3, 4, 2),
    Convolution(12, 7, 3, 2, 5), Gated(12, 7, 3, 1), Gated(12, 7, 3, 4),
]  # fmt: skip


def tensor(rows):
    return torch.from_numpy(np.asarray(rows, np.float32))


def built(tower, seed=0):
    """A tower whose biases are not 0, and what it learned."""
    weights = Weights(np.random.default_rng(seed))
    network = tower.built(weights, "t")
    with torch.no_grad():
        for name, value in weights.named.items():
            if name.endswith("bias"):
                value.copy_(tensor(weights.rng.normal(size=tuple(value.shape))))
    return network, {name.removeprefix("t."): values for name, values in weights.arrays().items()}


def some_rows(n=9, width=12):
    return np.random.default_rng(1).normal(size=(n, width)).astype(np.float32)


@pytest.mark.parametrize("tower", TOWERS, ids=repr)
def test_numpy_says_what_the_network_says(tower):
    network, learned = built(tower)
    with torch.no_grad():
        np.testing.assert_allclose(tower.applied(learned, some_rows()), network(tensor(some_rows())), atol=1e-5)


@pytest.mark.parametrize(("steps", "kernel"), [(6, 3), (4, 1), (2, 5)])
def test_a_convolution_is_that_of_torch(steps, kernel):
    _, learned = built(Convolution(12, 7, 3, steps, kernel))
    filters = tensor(learned["inner.weight"]).view(7, 12 // steps, kernel)
    rows = tensor(some_rows()).view(9, steps, -1).transpose(1, 2)
    found = torch.nn.functional.conv1d(rows, filters, tensor(learned["inner.bias"]), padding=kernel // 2)
    expected = torch.relu(found).amax(2).numpy() @ learned["outer.weight"].T + learned["outer.bias"]
    made = Convolution(12, 7, 3, steps, kernel).applied(learned, some_rows())
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_a_gated_unit_is_that_of_torch():
    _, learned = built(Gated(12, 7, 3, 4))
    unit = torch.nn.GRU(3, 7, batch_first=True)
    bias = np.concatenate([np.zeros(14, np.float32), learned["kept.bias"]])
    given = (learned["given.weight"], learned["kept.weight"], learned["given.bias"], bias)
    with torch.no_grad():
        for value, first in zip(unit.parameters(), given, strict=True):
            value.copy_(tensor(first))
        last = unit(tensor(some_rows()).view(9, 4, 3))[1][0].numpy()
    expected = last @ learned["outer.weight"].T + learned["outer.bias"]
    np.testing.assert_allclose(Gated(12, 7, 3, 4).applied(learned, some_rows()), expected, atol=1e-5)


def test_a_convolution_over_one_step_is_a_hidden_layer():
    _, learned = built(Convolution(12, 7, 3, 1, 3))
    middle = {**learned, "inner.weight": learned["inner.weight"].reshape(7, 12, 3)[:, :, 1]}
    made = Convolution(12, 7, 3, 1, 3).applied(learned, some_rows())
    np.testing.assert_allclose(made, Dense(12, 7, 3).applied(middle, some_rows()), atol=1e-5)


def test_the_likeness_is_the_equation_both_ways_over_those_that_have_both():
    rng = np.random.default_rng(0)
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in rng.normal(size=(2, 6, 4)))
    both = np.array([True, False, True, True, False, True])
    cosines = one[both] @ other[both].T / 0.3
    expected = np.mean(
        [-np.log(np.diag(np.exp(way) / np.exp(way).sum(1, keepdims=True))) for way in (cosines, cosines.T)]
    )
    found = likeness(tensor(one), tensor(other), torch.from_numpy(both), 0.3)
    assert float(found) == pytest.approx(expected, rel=1e-5)
    assert float(likeness(tensor(one), tensor(other), torch.arange(6) == 2, 0.3)) == 0


def test_apart_and_heaped_are_their_equations():
    one, other = np.eye(3), np.eye(3)[[0, 2, 2]]
    there = torch.tensor([True, True, False])
    assert float(apart(tensor(one), tensor(other), there)) == pytest.approx(0.5)
    assert float(heaped(tensor(one), there)) == pytest.approx(2 * 0.5)
    assert float(heaped(tensor(np.ones((5, 1))), torch.ones(5, dtype=torch.bool))) == pytest.approx(2)


def views(holes=True, seed=0, widths=(("a", 12), ("b", 8), ("c", 5)), n=40):
    rng = np.random.default_rng(seed)
    present = {name: rng.random(n) < (0.7 if holes else 2) for name, _ in widths}
    rows = {}
    for name, width in widths:
        values = rng.normal(size=(n, width)).astype(np.float32)
        rows[name] = np.where(present[name][:, None], values / np.linalg.norm(values, axis=1, keepdims=True), 0)
    return Views(rows, present, np.arange(n), "items")


def network_of(name, found, **settings):
    aligner = registry.get(name)(dim=4, hidden=6, **settings)
    towers = {part: aligner._tower(part, rows.shape[1]) for part, rows in found.rows.items()}
    return aligner._network(found, towers, np.random.default_rng(0))


class Everything:
    items = np.arange(40, dtype=np.int32)


def gradients(network, *names):
    losses = network.losses(Everything, torch.Generator().manual_seed(0))
    for value in network.weights.parameters():
        value.grad = None
    sum(losses[name] for name in names or losses).backward()
    return {
        name: 0.0 if value.grad is None else float(value.grad.abs().sum())
        for name, value in network.weights.named.items()
    }


@pytest.mark.parametrize("name", LEARNED)
def test_every_weight_learns(name):
    steps = {"steps": {"a": 4, "b": 2, "c": 5}} if name in ("conv", "recurrent") else {}
    network = network_of(name, views(), **steps)
    assert {key.split(".")[1] for key in network.weights.named if key.startswith("tower")} == {"0", "1", "2"}
    assert [key for key, size in gradients(network).items() if not size > 0] == []


def test_the_discriminator_and_the_towers_learn_of_their_own_terms_alone():
    network = network_of("adversarial", views())
    told, misled = gradients(network, "discriminator"), gradients(network, "misled")
    for key in network.weights.named:
        assert (told[key] > 0) == key.startswith("discriminator")
        assert (misled[key] > 0) == key.startswith("tower")


def test_attention_hears_the_other_parts_that_are_there():
    found = views()
    network = network_of("attention", found)
    placed = network.placed(torch.arange(40), torch.Generator().manual_seed(0))
    shares = network.shares(placed).detach().numpy()
    present = np.stack(list(found.present.values()), axis=1)
    several = present & (present.sum(1, keepdims=True) > 1)
    np.testing.assert_allclose(shares.sum(2), 1, atol=1e-5)
    heard = shares[several]
    absent = np.broadcast_to(~present[:, None], shares.shape)[several]
    own = np.broadcast_to(np.eye(3, dtype=bool), shares.shape)[several]
    assert not heard[absent].any()
    assert not heard[own].any()
    assert (heard[~absent & ~own] > 0).all()


def test_attention_stops_hearing_a_part_that_says_nothing():
    rng = np.random.default_rng(0)
    code = rng.normal(size=(400, 4))
    rows = {
        "a": code @ rng.normal(size=(4, 8)),
        "b": code @ rng.normal(size=(4, 8)),
        "noise": rng.normal(size=(400, 8)),
    }
    rows = {name: (row / np.linalg.norm(row, axis=1, keepdims=True)).astype(np.float32) for name, row in rows.items()}
    found = Views(rows, {name: np.ones(400, bool) for name in rows}, np.arange(400), "items")
    aligner = registry.get("attention")(dim=8, hidden=32, batch_size=64, dropout=0)
    networks = []
    build = aligner._network
    aligner._network = lambda *given: networks.append(build(*given)) or networks[-1]
    aligner.standards = dict.fromkeys(rows)
    aligner._fit(found, shop(400), generator(0))
    with torch.no_grad():
        placed = networks[0].placed(torch.arange(400), torch.Generator())
        shares = networks[0].shares(placed).numpy().mean(0)
    assert shares[0, 1] > 0.8
    assert shares[1, 0] > 0.8


@pytest.mark.parametrize(("updates", "steps"), [(25, 20), (5, 10), (1000, 40)])
def test_epochs_are_fewer_where_things_are_many(updates, steps, monkeypatch):
    counted = []
    lost = PartsNetwork.losses
    monkeypatch.setattr(PartsNetwork, "losses", lambda *given: counted.append(1) or lost(*given))
    parts = {name: part.take(np.arange(40)) for name, part in some_parts({"a": 6}, n=200).items()}
    parts["a"] = type(parts["a"])(
        np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32), np.ones(40, bool), "a"
    )
    registry.get("contrastive")(epochs=4, batch_size=4, updates=updates).fit(parts, shop(40), generator(0))
    assert len(counted) == steps


@pytest.mark.parametrize("name", LEARNED)
def test_what_is_fitted_aligns_without_torch(name, monkeypatch):
    parts = some_parts({"a": 6, "b": 4})
    aligner = registry.get(name)(dim=4, epochs=2).fit(parts, shop(50), generator(0))
    before = aligner.align(parts)
    monkeypatch.setattr(_torch.torch, "_library", None)
    again = registry.get(name)(aligner.config).load_state(State(aligner.state().arrays, aligner.state().meta))
    for part, table in again.align(parts).items():
        assert np.array_equal(table.values, before[part].values)


def test_without_torch_a_fit_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(vars(_torch.torch), "_library", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'palate\[deep\]'"):
        registry.get("contrastive")().fit(some_parts({"a": 6}), shop(50), generator(0))


def test_networks_see_what_numpy_sees_of_a_fitted_aligner():
    parts = some_parts({"a": 6, "b": 4})
    aligner = registry.get("contrastive")(dim=4, epochs=3).fit(parts, shop(50), generator(0))
    rows = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    learned = {key: tensor(value) for key, value in aligner.learned["a"].items()}
    hidden = torch.relu(tensor(rows * 6**0.5) @ learned["inner.weight"].T + learned["inner.bias"])
    made = torch.nn.functional.normalize(hidden @ learned["outer.weight"].T + learned["outer.bias"], dim=1)
    np.testing.assert_allclose(aligner._map("a", rows), made, atol=1e-5)

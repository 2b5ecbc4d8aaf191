"""Several tasks, hidden parts and tempered gradients: by hand, and as the loop uses them."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from palate.core.errors import ConfigError  # noqa: E402
from palate.nn.network import Weights  # noqa: E402
from palate.training.balance import Balance  # noqa: E402
from palate.training.batches import Batches  # noqa: E402
from palate.training.config import TrainingConfig  # noqa: E402
from palate.training.hiding import hidden  # noqa: E402
from palate.training.loop import Settings, Tempers, train  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402
from palate.training.tasks import Tasks, TasksConfig  # noqa: E402

pytestmark = pytest.mark.torch
KINDS = {"ranking": "told", "rating": "measured"}


def weights():
    return Weights(np.random.default_rng(0))


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def test_given_weights_multiply_and_a_task_of_weight_0_is_left_out():
    tasks = Tasks(weights(), KINDS, TasksConfig(tasks={"rating": 0}), {"ranking": 2.0})
    assert "ranking" in tasks
    assert "rating" not in tasks
    assert tasks({"ranking": 3.0}) == {"ranking": 6.0}
    with pytest.raises(ConfigError, match="tasks names 'ratng': did you mean 'rating'"):
        Tasks(weights(), KINDS, TasksConfig(tasks={"ratng": 1}))


def test_uncertainty_begins_at_the_weights_and_is_a_half_likelihood():
    tasks = Tasks(weights(), KINDS, TasksConfig(tasks={"rating": 0.25}, weigh="uncertainty"))
    losses = {"ranking": torch.tensor(0.7), "rating": torch.tensor(3.0)}
    found = {name: loss.item() for name, loss in tasks(losses).items()}
    assert found == pytest.approx({"ranking": 0.7, "rating": 0.25 * 3 + np.log(2) / 2})
    for name, s in (("ranking", -0.3), ("rating", 1.2)):
        with torch.no_grad():
            tasks.log_variance[name].fill_(s)
    half = {"ranking": 1, "rating": 2}
    expected = {
        name: np.exp(-s) * float(losses[name]) / half[name] + s / 2 for name, s in (("ranking", -0.3), ("rating", 1.2))
    }
    assert {name: loss.item() for name, loss in tasks(losses).items()} == pytest.approx(expected, rel=1e-5)


def test_learned_variances_come_to_the_losses():
    """Of a squared error that stays, sigma^2 becomes that error, and the task counts 1 / (2 sigma^2)."""
    made = weights()
    tasks = Tasks(made, KINDS, TasksConfig(weigh="uncertainty"))
    optimizer = torch.optim.Adam(made.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        sum(tasks({"ranking": torch.tensor(0.5), "rating": torch.tensor(4.0)}).values()).backward()
        optimizer.step()
    assert tasks.log_variance["rating"].exp().item() == pytest.approx(4, rel=0.01)
    assert tasks.log_variance["ranking"].exp().item() == pytest.approx(2 * 0.5, rel=0.01)
    assert set(made.arrays()) == {"log_variance ranking", "log_variance rating"}


def test_parts_are_hidden_as_often_as_said_and_never_all():
    rng = np.random.default_rng(0)
    present = torch.from_numpy(rng.random((20_000, 3)) < 0.7)
    left = hidden(present, 0.4, noise())
    assert not (left & ~present).any()
    assert (left.any(1) == present.any(1)).all()
    whole = present.all(1)
    counts = torch.bincount(left[whole].sum(1), minlength=4) / whole.sum()
    np.testing.assert_allclose(counts, [0, 3 * 0.6 * 0.4**2 + 0.4**3, 3 * 0.6**2 * 0.4, 0.6**3], atol=0.02)
    np.testing.assert_allclose(left[whole].float().mean(0), np.full(3, 0.6 + 0.4**3 / 3), atol=0.02)
    assert hidden(present, 0.0, noise()) is present


def test_the_part_ahead_is_slowed_down_by_how_far():
    encoders = {name: [torch.ones(4, 5, requires_grad=True)] for name in ("photo", "sound", "text")}
    balance = Balance(0.5, encoders)
    balance.weigh({"photo": 0.9, "sound": 0.6, "text": 0.4})
    assert balance.coefficients["photo"] == pytest.approx(1 - np.tanh(0.5 * 0.9 / 0.5))
    assert balance.coefficients["sound"] == balance.coefficients["text"] == 1
    for (tensor,) in encoders.values():
        tensor.grad = torch.full((4, 5), 2.0)
    balance.temper(noise())
    assert torch.allclose(encoders["photo"][0].grad, torch.tensor(2 * balance.coefficients["photo"]))
    assert torch.equal(encoders["text"][0].grad, torch.full((4, 5), 2.0))
    balance.weigh({"photo": 0.9})
    assert set(balance.coefficients.values()) == {1.0}


def test_noise_is_as_wide_as_the_gradient():
    tensor = torch.zeros(200, 200, requires_grad=True)
    balance = Balance(1.0, {"photo": [tensor], "text": []}, noisy=True)
    balance.weigh({"photo": 0.8, "text": 0.4})
    before = torch.randn(200, 200, generator=noise(1)) * 3
    tensor.grad = before.clone()
    balance.temper(noise(2))
    drawn = tensor.grad - balance.coefficients["photo"] * before
    assert float(drawn.std()) == pytest.approx(3, rel=0.03)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.05)


class Tempered:
    """Descends to 1 by a network that halves its gradients, as the loop gives it the chance to."""

    def __init__(self):
        self.weights = weights()
        self.value = self.weights.put("value", np.zeros(1, np.float32))
        self.tempered = []

    def losses(self, batch, noise):
        return {"distance": (self.value - 1).square().sum()}

    def temper(self, noise):
        self.tempered.append(self.value.grad.item())
        self.value.grad.zero_()

    def scorer(self):
        raise AssertionError("nobody judges")


def test_the_loop_lets_a_network_temper_before_it_steps(tiny):
    network = Tempered()
    assert isinstance(network, Tempers)
    batches = Batches(tiny.liked, samplers.get("none")(), 10**6)
    train(network, batches, TrainingConfig(epochs=3), None, Settings())
    assert network.tempered == [-2.0, -2.0, -2.0]
    assert network.value.item() == 0.0

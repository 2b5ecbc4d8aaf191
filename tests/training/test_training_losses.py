"""Losses against sums worked by hand, and what each says of the others in its docstring."""

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from palate.training.losses import registry  # noqa: E402
from palate.training.pairs import Pairs  # noqa: E402

pytestmark = pytest.mark.torch


def pairs(positive, negative, log_q=None, log_q_others=None):
    positive, negative = torch.tensor(positive), torch.tensor(negative)
    zeros = torch.zeros_like(positive), torch.zeros(negative.shape[1])
    given = [
        zero if value is None else torch.tensor(value) for zero, value in zip(zeros, (log_q, log_q_others), strict=True)
    ]
    return Pairs(positive, negative, *given)


RANKING = ["bpr", "bce", "sampled-softmax"]


@pytest.mark.parametrize("name", RANKING)
def test_a_better_score_of_the_liked_costs_less(name):
    loss = registry.get(name)()
    costs = [float(loss(pairs([score], [[0.0, 0.5]]))) for score in (-1.0, 0.0, 1.0, 3.0)]
    assert costs == sorted(costs, reverse=True)
    assert len(set(costs)) == 4


@pytest.mark.parametrize("name", RANKING)
def test_what_is_barred_counts_for_nothing(name):
    loss = registry.get(name)()
    whole = loss(pairs([0.3, -0.2], [[0.1, 0.4], [0.2, -0.5]]))
    more = loss(pairs([0.3, -0.2], [[0.1, -np.inf, 0.4], [0.2, -np.inf, -0.5]]))
    assert float(more) == pytest.approx(float(whole), abs=1e-6)


@pytest.mark.parametrize("name", RANKING)
def test_where_all_is_barred_gradients_stay_numbers(name):
    score = torch.tensor([0.3, 0.1], requires_grad=True)
    others = (score[:, None] * torch.ones(2, 2)).masked_fill(torch.tensor([[True, True], [False, False]]), -torch.inf)
    registry.get(name)()(Pairs(score, others, torch.zeros(2), torch.zeros(2))).backward()
    assert torch.isfinite(score.grad).all()


def test_bpr_is_worked_by_hand():
    loss = registry.get("bpr")()(pairs([1.0, 2.0], [[0.0, 1.0], [2.0, 4.0]]))
    expected = np.mean([np.log1p(np.exp(x)) for x in (-1, 0, 0, 2)])
    assert float(loss) == pytest.approx(expected, abs=1e-6)


def test_bce_is_worked_by_hand():
    loss = registry.get("bce")()(pairs([1.0], [[0.0, -1.0]]))
    assert float(loss) == pytest.approx(np.log1p(np.exp(-1)) + (np.log(2) + np.log1p(np.exp(-1))) / 2, abs=1e-6)


def test_sampled_softmax_is_worked_by_hand():
    loss = registry.get("sampled-softmax")(temperature=0.5, log_q=1.0)
    found = loss(pairs([0.2], [[0.1, 0.3]], [np.log(0.5)], [np.log(0.25), np.log(0.25)]))
    weights = np.exp([0.4, 0.2, 0.6]) / [0.5, 0.25, 0.25]
    assert float(found) == pytest.approx(-np.log(weights[0] / weights.sum()), abs=1e-6)


def test_bpr_with_one_other_item_is_the_softmax_at_temperature_one():
    given = pairs([0.7, -0.4], [[0.1], [0.9]])
    assert float(registry.get("bpr")()(given)) == pytest.approx(
        float(registry.get("sampled-softmax")(temperature=1.0, log_q=0.0)(given)), abs=1e-6
    )


def test_the_correction_makes_a_sample_stand_for_the_catalogue():
    """Of 6 items, two drawn by chance q stand for all: the mean over many draws is near the full softmax."""
    rng = np.random.default_rng(0)
    scores, chance = rng.normal(size=6).astype(np.float32), np.array([0.4, 0.2, 0.2, 0.1, 0.05, 0.05])
    drawn = rng.choice(6, size=(1, 60_000), p=chance)
    corrected = np.log(np.mean(np.exp(scores[drawn] - np.log(chance[drawn]))))
    assert corrected == pytest.approx(np.log(np.exp(scores).sum()), abs=0.02)


@pytest.mark.parametrize("block", [1, 40, 1 << 19])
def test_block_by_block_the_softmax_is_what_it_is_at_once(block, monkeypatch):
    from palate.training.losses import _blocks
    from palate.training.pairs import Batch, multiplied
    from palate.training.samplers import registry as samplers
    from palate.training.samplers._base import Likes

    monkeypatch.setattr(_blocks, "_BLOCK", block)
    rng = np.random.default_rng(0)
    liked = sp.random_array((9, 12), density=0.4, format="csr", rng=rng, dtype=np.float32)
    users, items = (codes.astype(np.int32) for codes in liked.tocoo().coords)
    others = samplers.get("in-batch")().over(Likes(liked)).draw(users, items, rng)
    batch = Batch(users, items, Likes(liked).log_share[items], others)
    loss, found = registry.get("sampled-softmax")(), []
    for at_once in (False, True):
        tables = [torch.tensor(np.random.default_rng(1).normal(size=(n, 5)), dtype=torch.float32) for n in (9, 12)]
        for table in tables:
            table.requires_grad_()
        given = multiplied(*tables, batch, cosine=True)
        if at_once:
            given.shared = None
        value = loss(given)
        (3 * value).backward()
        found.append((value.item(), *(table.grad for table in tables)))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-5)
    torch.testing.assert_close(found[0][1], found[1][1], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(found[0][2], found[1][2], atol=1e-6, rtol=1e-4)

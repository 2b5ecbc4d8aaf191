"""Likes of the largest losses are left out of a step: which they are, and what that brings back."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from networks import sigmoid, units  # noqa: E402
from palate.core.errors import ConfigError  # noqa: E402
from palate.core.ids import IdMap  # noqa: E402
from palate.data.dataset import Dataset, bare_catalogue  # noqa: E402
from palate.data.interactions import Interactions  # noqa: E402
from palate.interfaces import Queries  # noqa: E402
from palate.models import registry as models  # noqa: E402
from palate.training.losses import Loss, registry  # noqa: E402
from palate.training.pairs import Batch, Candidates, multiplied  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402
from palate.training.samplers._base import Likes  # noqa: E402
from planted import interval  # noqa: E402

pytestmark = pytest.mark.torch
LOSSES = [name for name in registry.names() if issubclass(registry.get(name), Loss)]
RNG = np.random.default_rng(0)
PEOPLE, THINGS = RNG.normal(size=(9, 5)).astype(np.float32), RNG.normal(size=(12, 5)).astype(np.float32)
LIKED = sp.random_array((9, 12), density=0.4, format="csr", rng=RNG, dtype=np.float32)
USERS, ITEMS = (codes.astype(np.int32) for codes in LIKED.tocoo().coords)


def batch(sampler, left_out=0.0):
    others = samplers.get(sampler)().over(Likes(LIKED)).draw(USERS, ITEMS, np.random.default_rng(1))
    return Batch(USERS, ITEMS, Likes(LIKED).log_share[ITEMS], others, left_out)


def step(name, given, cosine=True):
    """The loss, and its gradients."""
    tables = [torch.tensor(table, requires_grad=True) for table in (PEOPLE, THINGS)]
    value = registry.get(name)()(multiplied(*tables, given, cosine=cosine))
    value.backward()
    return [value.item(), *(table.grad.numpy() for table in tables)]


def test_a_step_of_bpr_is_worked_by_hand():
    """Two of four likes are left out: their losses are the largest, and no number of theirs moves."""
    users, items, others = (np.array(codes, np.int32) for codes in ([0, 1, 2, 3], [0, 1, 2, 3], [[4], [5], [6], [7]]))
    given = Batch(users, items, np.zeros(4, np.float32), Candidates(others, np.zeros((4, 1), np.float32)), 0.5)
    margin = (PEOPLE[users] * (THINGS[items] - THINGS[others[:, 0]])).sum(1).astype(np.float64)
    lost = np.log1p(np.exp(-margin))
    kept = np.sort(np.argsort(lost)[:2])
    people, things = np.zeros((9, 5)), np.zeros((12, 5))
    for like in kept:
        pull = -sigmoid(-margin[like]) / 2
        people[users[like]] += pull * (THINGS[items[like]] - THINGS[others[like, 0]])
        things[items[like]] += pull * PEOPLE[users[like]]
        things[others[like, 0]] -= pull * PEOPLE[users[like]]
    found = step("bpr", given, cosine=False)
    assert found[0] == pytest.approx(lost[kept].mean(), abs=1e-6)
    assert np.allclose(found[1], people, atol=1e-6)
    assert np.allclose(found[2], things, atol=1e-6)


def test_the_softmax_over_the_batch_is_worked_by_hand():
    """What is left out as a like is still what others are held against."""
    cosines = (units(PEOPLE)[USERS] @ units(THINGS)[ITEMS].T).astype(np.float64) / 0.2
    logits = cosines - Likes(LIKED).log_share[ITEMS]
    itself = np.eye(len(USERS), dtype=bool)
    logits[~itself & ((USERS[:, None] == USERS) | (ITEMS[:, None] == ITEMS))] = -np.inf
    lost = np.log(np.exp(logits).sum(1)) - np.diag(logits)
    kept = np.sort(lost)[: len(lost) - int(0.3 * len(lost))]
    assert step("sampled-softmax", batch("in-batch", 0.3))[0] == pytest.approx(kept.mean(), abs=1e-5)


@pytest.mark.parametrize("sampler", ["uniform", "hard", "in-batch"])
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_is_the_mean_over_what_is_left(name, sampler):
    """By hand: a batch of the likes of the smallest losses, held against what they were."""
    whole = batch(sampler)
    loss = registry.get(name)()
    with torch.no_grad():
        pairs = multiplied(torch.tensor(PEOPLE), torch.tensor(THINGS), whole, cosine=True)
        each = loss.each(pairs).numpy()
    kept = np.sort(np.argsort(each, kind="stable")[: len(each) - int(0.4 * len(each))])
    others = whole.others
    barred = None
    if others.items.ndim == 1:
        rows = np.isin(others.barred[0], kept)
        barred = np.stack([np.searchsorted(kept, others.barred[0][rows]), others.barred[1][rows]])
        less = replace(others, barred=barred)
    else:
        less = replace(others, items=others.items[kept], log_q=others.log_q[kept])
        if others.barred is not None:
            rows = np.isin(others.barred[0], kept)
            less = replace(
                less, barred=np.stack([np.searchsorted(kept, others.barred[0][rows]), others.barred[1][rows]])
            )
    expected = step(name, Batch(USERS[kept], ITEMS[kept], whole.log_q[kept], less))
    for one, other in zip(step(name, replace(whole, left_out=0.4)), expected, strict=True):
        assert np.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_less_than_one_like_is_none(name):
    for one, other in zip(step(name, batch("in-batch", 0.5 / len(USERS))), step(name, batch("in-batch")), strict=True):
        assert np.array_equal(one, other)


def test_what_is_no_number_is_not_hidden():
    people = torch.tensor(PEOPLE)
    people[USERS[0]] = torch.nan
    pairs = multiplied(people, torch.tensor(THINGS), batch("uniform", 0.5))
    assert torch.isnan(registry.get("bpr")()(pairs))


def test_what_has_no_losses_to_compare_refuses(tiny):
    with pytest.raises(ConfigError, match="truncate"):
        models.get("bm3")(truncate=0.1)
    with pytest.raises(ConfigError, match="it leaves likes out of the ranking, and tasks"):
        models.get("mmal")(truncate=0.1, tasks={"ranking": 0, "click": 1}, target="click").fit(tiny)


def recall_of_tastes(seed, noise, truncate):
    """Recall@20 of likes by taste that are held out; of the training, so large a share more are likes by accident."""
    rng = np.random.default_rng(seed)
    users, items = 120, 100
    tastes = 3 * rng.normal(size=(users, 6)) @ rng.normal(size=(items, 6)).T / 6**0.5
    best = rng.permuted(np.argsort(-(tastes + rng.gumbel(size=tastes.shape)))[:, :14], axis=1)
    held, liked = np.zeros((2, users, items), bool)
    np.put_along_axis(held, best[:, :4], True, 1)
    np.put_along_axis(liked, best[:, 4:], True, 1)
    liked.ravel()[rng.choice(np.flatnonzero(~(liked | held).ravel()), int(noise * 10 * users), replace=False)] = True
    user, item = np.nonzero(liked)
    ids = IdMap(f"i{n}" for n in range(items))
    rows = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
    data = Dataset(IdMap(f"u{n}" for n in range(users)), ids, rows, bare_catalogue(ids))
    told = {"dim": 16, "epochs": 25, "lr": 0.05, "batch_size": 256, "patience": 0, "loss": "bpr", "truncate": truncate}
    scores = models.get("lightgcn")(**told).fit(data).score(Queries.of_users(data, np.arange(users, dtype=np.int32)))
    scores[liked] = -np.inf
    return np.take_along_axis(held, np.argsort(-scores)[:, :20], 1).sum() / held.sum()


@pytest.mark.slow
@pytest.mark.parametrize(("noise", "truncate", "gain"), [(0.3, 0.2, 0.01), (0, 0.1, -0.03)])
def test_likes_by_accident_do_less_harm_and_likes_by_taste_are_missed_little(noise, truncate, gain):
    """Trained to the end, as where nothing validates."""
    gains = [recall_of_tastes(seed, noise, truncate) - recall_of_tastes(seed, noise, 0) for seed in range(5)]
    assert interval(gains)[0] > gain

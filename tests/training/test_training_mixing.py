"""Mixed parts: with those of what the same people like, where both have them, and only while a network learns."""

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

import scarce  # noqa: E402
from networks import everyone, shop  # noqa: E402
from palate.core.errors import ConfigError  # noqa: E402
from palate.fusion import registry as fusions  # noqa: E402
from palate.interfaces import Run  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.training import loop  # noqa: E402
from palate.training.mixing import Mixed, partners  # noqa: E402

pytestmark = pytest.mark.torch
READERS = ("umami", "vbpr", "mmal", "mmdfm", "two-tower")
SHORT = {"epochs": 3, "batch_size": 32, "dim": 4}


class Table:
    """A network that notes what it is shown."""

    def __init__(self, values):
        self.weights, self.values, self.seen = None, {"rows": torch.from_numpy(values)}, []

    def losses(self, batch, noise):
        self.seen.append(self.values["rows"].numpy().copy())
        return {}

    def scorer(self):
        return self.values["rows"]


def test_a_partner_is_liked_by_one_of_the_same_people_each_like_as_likely():
    liked = sp.csr_array(np.array([[1, 1, 0, 0, 0], [0, 1, 1, 1, 0]], np.float32))
    rng = np.random.default_rng(0)
    drawn = np.array([partners(liked, liked.T.tocsr(), rng) for _ in range(6000)])
    told = np.array([np.bincount(drawn[:, item], minlength=5) / 6000 for item in range(5)])
    by_hand = [[1 / 2, 1 / 2, 0, 0, 0], [1 / 4, 1 / 4 + 1 / 6, 1 / 6, 1 / 6, 0], [0, 1 / 3, 1 / 3, 1 / 3, 0],
               [0, 1 / 3, 1 / 3, 1 / 3, 0], [0, 0, 0, 0, 1]]  # fmt: skip
    assert np.abs(told - by_hand).max() < 0.03


def test_half_at_least_is_kept_and_what_either_lacks_is_left_alone():
    rng = np.random.default_rng(1)
    n, people = 40, 30
    liked = sp.csr_array((rng.random((people, n)) < 0.2).astype(np.float32) * (np.arange(n) < 36))
    one, two = rng.random(n) < 0.7, rng.random(n) < 0.7
    values = rng.normal(size=(n, 7)).astype(np.float32)
    values[:, :3] *= one[:, None]
    values[:, 3:5] *= two[:, None]
    network = Table(values)
    mixed = Mixed(network, 0.4, liked, {"rows": [(3, one), (2, two)]})
    twin = np.random.default_rng(7)
    other, kept = partners(liked, liked.T.tocsr(), twin), twin.beta(0.4, 0.4, n)
    kept = np.maximum(kept, 1 - kept)[:, None]
    mixed.begin_epoch(np.random.default_rng(7))
    mixed.losses(None, None)
    shown = network.seen[0]
    for columns, there in ((slice(0, 3), one), (slice(3, 5), two)):
        blend = kept * values[:, columns] + (1 - kept) * values[other][:, columns]
        expected = np.where((there & there[other])[:, None], blend, values[:, columns])
        assert np.allclose(shown[:, columns], expected, atol=1e-6)
        assert not shown[~there, columns].any()
    assert np.array_equal(shown[:, 5:], values[:, 5:])
    assert np.array_equal(shown[36:], values[36:])
    assert (np.abs(shown - values).max(axis=1) > 0.01).mean() > 0.3
    assert np.array_equal(network.values["rows"].numpy(), values)
    assert mixed.scorer() is network.values["rows"]


def test_every_epoch_mixes_anew_and_an_error_leaves_the_parts_as_they_were():
    data = shop()
    network = Table(np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32))
    mixed, rng = Mixed(network, 1.0, data.liked, {"rows": [(4, np.ones(9, bool))]}), np.random.default_rng(0)
    for _ in range(2):
        mixed.begin_epoch(rng)
        mixed.losses(None, None)
    assert not np.array_equal(*network.seen)
    whole = network.values
    network.losses = lambda batch, noise: 1 / 0
    with pytest.raises(ZeroDivisionError):
        mixed.losses(None, None)
    assert network.values is whole


@pytest.mark.parametrize("name", READERS)
def test_models_that_read_parts_learn_otherwise_and_the_same_from_the_same_seed(name):
    data, kind = shop(users=30, items=25), registry.get(name)
    plain, mixed, again = (
        kind(mixup=mixup, **SHORT).fit(data, None, Run(seed=1, threads=1)).score(everyone(data))
        for mixup in (0.0, 0.5, 0.5)
    )
    assert np.array_equal(mixed, again, equal_nan=True)
    assert not np.array_equal(plain, mixed, equal_nan=True)
    assert np.array_equal(np.isnan(plain), np.isnan(mixed))


@pytest.mark.parametrize("fuse", ["gated", "concat"])
def test_parts_that_are_fused_are_mixed_too(fuse):
    data = shop(users=30, items=25)
    found = [
        registry.get("vbpr")(mixup=mixup, fusion=fusions.get(fuse)(), **SHORT)
        .fit(data, None, Run(threads=1))
        .score(everyone(data))
        for mixup in (0.0, 0.5)
    ]
    assert not np.array_equal(*found, equal_nan=True)


def test_a_fusion_that_learns_by_itself_mixes_what_it_learns_from():
    data = shop(users=30, items=25)
    parts = data.item_parts()
    found = [
        fusions.get("mlp")(mixup=mixup, epochs=2, dim=4).fit(parts, data, np.random.default_rng(0)).fuse(parts).values
        for mixup in (0.0, 0.5)
    ]
    assert not np.array_equal(*found)
    for learn in ("reconstruction", "contrast"):
        with pytest.raises(ConfigError, match=r"mixup was 0.5.*learn=likes|mixup was 0.5.*choose another of learn"):
            fusions.get("mlp")(mixup=0.5, learn=learn)


def test_it_goes_on_after_a_break_bit_for_bit(tmp_path, monkeypatch):
    data, kind = shop(users=30, items=25), registry.get("vbpr")
    settings = {**SHORT, "epochs": 5, "mixup": 0.5, "balance_items": 0.5}
    whole = kind(**settings).fit(data, None, Run(threads=1)).score(everyone(data))
    epoch = loop._epoch

    def breaks(network, batches, config, where):
        if where.epoch == 3:
            raise KeyboardInterrupt
        return epoch(network, batches, config, where)

    monkeypatch.setattr(loop, "_epoch", breaks)
    run = Run(threads=1, checkpoint=tmp_path)
    monkeypatch.setenv("PALATE_CHECKPOINT_SECONDS", "0")
    with pytest.raises(KeyboardInterrupt):
        kind(**settings).fit(data, None, run)
    monkeypatch.setattr(loop, "_epoch", epoch)
    again = kind(**settings).fit(data, None, run)
    assert np.array_equal(again.score(everyone(data)), whole, equal_nan=True)


def test_nothing_to_mix_is_refused():
    with pytest.raises(ConfigError, match=r"umami was given mixup=0.5, and items have no parts"):
        registry.get("umami")(mixup=0.5, **SHORT).fit(shop(parts=False), None, Run(threads=1))
    with pytest.raises(ConfigError, match="mixup"):
        registry.get("two-tower")(mixup=0.5, fusion=fusions.get("concat")())


def test_where_few_items_are_noisy_it_places_new_ones_better():
    """Eighty people like things of four colours; what is new has its look alone, which says more of itself than of its colour."""
    gains = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        colour = np.arange(60) % 4
        fond = (np.arange(80)[:, None] % 4 == colour) & (rng.random((80, 60)) < 0.4) & (np.arange(60) < 40)
        look = 0.6 * rng.normal(size=(4, 48))[colour] + 1.5 * rng.normal(size=(60, 48))
        data, found = scarce.world(80, look, *np.nonzero(fond)), []
        for mixup in (0.0, 1.0):
            model = registry.get("vbpr")(mixup=mixup, batch_size=128, dim=16, epochs=60, lr=0.01)
            scores = model.fit(data, None, Run(seed=seed, threads=1)).score(everyone(data))[:, 40:]
            own = colour[40:] == np.arange(80)[:, None] % 4
            found.append(np.take_along_axis(own, np.argsort(-scores, axis=1)[:, :5], axis=1).mean())
        gains.append(found[1] - found[0])
    assert min(gains) > 0
    assert np.mean(gains) > 0.02

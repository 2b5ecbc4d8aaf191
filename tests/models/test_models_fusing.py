"""Networks that take a fusion: its own is learned together with theirs, any other is read as one part."""

import numpy as np
import pytest
import torch

from networks import everyone, shop, taste_for_content
from palate.bundle.build import model_of, takes_fusion
from palate.core.errors import ConfigError
from palate.data.features import FeatureTable
from palate.fusion import registry as fusions
from palate.interfaces import Joins
from palate.models import registry
from palate.models._fusing import FUSED, FusingModel
from palate.models.two_tower import TwoTower

FUSING = [name for name in registry.names() if issubclass(registry.get(name), FusingModel)]
QUICK = {"umami": {"late": 0.0}}


def built(name, fusion, **settings):
    return registry.get(name)(fusion=fusion and fusions.get(fusion)(), **{**QUICK.get(name, {}), **settings})


def test_these_take_a_fusion():
    assert FUSING == ["mmal", "mmdfm", "umami", "vbpr"]
    assert all(takes_fusion(name) for name in FUSING)


@pytest.mark.parametrize("fusion", ["aligned", "concat", "hybrid", "low-rank-bilinear", "user-attention"])
@pytest.mark.parametrize("name", FUSING)
def test_any_fusion_goes_with_any_of_them(name, fusion):
    data = shop(users=30, items=20)
    model = built(name, fusion, epochs=2).fit(data)
    scores = model.score(everyone(data))
    plain = registry.get(name)(epochs=2, **QUICK.get(name, {})).fit(data).score(everyone(data))
    there = ~np.isnan(plain)
    assert np.array_equal(~np.isnan(scores), there)
    assert not np.allclose(scores[there], plain[there])


@pytest.mark.parametrize("name", FUSING)
def test_new_things_are_found_by_what_was_fused(name):
    data, colour = taste_for_content()
    model = built(name, "transformer", epochs=60, batch_size=128, lr=0.01).fit(data)
    best = np.argsort(-model.score(everyone(data))[:, 40:], axis=1)[:, :5]
    own = colour[40:] == np.arange(80)[:, None] % 4
    assert np.take_along_axis(own, best, axis=1).mean() > 0.7


@pytest.mark.parametrize("name", FUSING)
def test_the_network_of_the_fusion_is_learned(name):
    data = shop(users=30, items=20)
    model = built(name, "low-rank-bilinear")
    network = model._network(data, np.random.default_rng(0))
    own = [key for key in network.weights.named if key.startswith(f"map {FUSED}: ")]
    assert f"map {FUSED}: constants" in own
    before = network.weights.arrays()
    from palate.training.batches import Batches
    from palate.training.loop import Settings, train
    from palate.training.samplers.uniform import Uniform

    config = model.config.model_copy(update={"epochs": 2, "patience": 0})
    train(network, Batches(data.liked, Uniform(), 32), config, None, Settings())
    after = network.weights.arrays()
    assert all((before[key] != after[key]).any() for key in own)


@pytest.mark.parametrize("name", [*FUSING, "two-tower"])
def test_the_fusion_is_part_of_what_a_recipe_knows(name):
    model = built(name, "gated")
    again = model_of(model.spec())
    assert again.fusion.name == "gated"
    assert isinstance(again.fusion, Joins)
    fitted = again.fit(shop(users=30, items=20)) if name == "two-tower" else built(name, "gated", epochs=1).fit(shop())
    assert fitted.settled().fusion.name == "gated"
    assert "fusion" not in registry.get(name)().spec() or name == "two-tower"


def test_what_validation_chose_for_a_fusion_stays_when_it_is_fitted_on_everything():
    data, _ = taste_for_content()
    fusion = fusions.get("mlp")(learn="reconstruction", epochs=3)
    settled = TwoTower(fusion=fusion, epochs=2).fit(data, data).settled()
    assert settled.fusion.config.learn == "reconstruction"
    assert (settled.fusion.config.epochs, settled.fusion.config.patience) == (3, 0)


def test_parts_that_were_joined_are_not_made_again_one_by_one():
    with pytest.raises(ConfigError, match="leave one of the two out"):
        built("mmdfm", "mlp", tasks={"reconstruction": 1}).fit(shop())


@pytest.mark.parametrize("name", FUSING)
def test_how_a_fusion_learns_is_not_told_where_it_learns_with_the_model(name):
    for setting, reason in (
        ({"epochs": 3}, "give epochs to the model"),
        ({"dim": 16}, "give dim to the model"),
        ({"hidden": 0.5}, "leave it out"),
        ({"learn": "contrast"}, "leave it out"),
    ):
        (word,) = setting
        with pytest.raises(
            ConfigError, match=f"the fusion mlp was given {word}=.* learned together with {name}.*{reason}"
        ):
            registry.get(name)(fusion=fusions.get("mlp")(**setting))
    registry.get(name)(fusion=fusions.get("mlp")(layers=(32, 16)))


@pytest.mark.parametrize("name", FUSING)
def test_validation_chooses_of_a_fusion_that_is_fitted_first(name):
    data = shop(users=30, items=20)
    rows = np.arange(len(data.interactions))
    train, valid = (
        data.with_interactions(data.interactions.take(rows[kept])) for kept in (rows % 4 > 0, rows % 4 == 0)
    )
    fusion = fusions.get("weighted")(by="validation")
    model = registry.get(name)(fusion=fusion, epochs=1, **QUICK.get(name, {})).fit(train, valid)
    settled = model.settled()
    assert set(settled.fusion.config.weights) == set(data.features)
    assert not np.isnan(settled.fit(data).score(everyone(data))).all()


def test_hidden_parts_leave_the_others_to_speak():
    data = shop(users=30, items=20)
    network = registry.get("umami")(dim=5, content=3.0)._network(data, np.random.default_rng(0))
    there = np.stack([data.features[name].present for name in ("photo", "text")], axis=1)
    assert np.array_equal(network.there.numpy(), there)
    left = there & (np.arange(20)[:, None] % 2 == np.arange(2))
    learned = {name: array.astype(np.float64) for name, array in network.weights.arrays().items()}
    said = [network.values[name].numpy() @ learned[f"map {name}.weight"].T for name in ("photo", "text")]
    expected = 3.0 * sum(rows * left[:, [m]] for m, rows in enumerate(said)) / np.maximum(left.sum(1), 1)[:, None]
    assert np.allclose(network.content(torch.tensor(left)).detach().numpy(), expected, atol=1e-5)
    assert np.allclose(
        network.content(torch.tensor(there)).detach().numpy(), network.content().detach().numpy(), atol=1e-6
    )


def test_hidden_parts_are_hidden_from_a_fusion_that_is_learned_with_umami():
    data = shop(users=30, items=20)
    network = built("umami", "mlp", dim=5)._network(data, np.random.default_rng(0))
    left = network.there.clone()
    left[:, 1] = False
    said = network.content(left)
    assert not torch.allclose(said, network.content(), atol=1e-3)
    values = network.values[FUSED]
    values[:, -2:] = left.float()
    values[:, 6:-2] = torch.randn(20, 4)
    assert torch.allclose(network.content()[left[:, 0]], said[left[:, 0]], atol=1e-6)


def test_what_learned_with_hidden_parts_does_better_without_one():
    """Both parts tell what is liked; new things have only the second, which is the noisier."""
    found = {0.0: [], 0.5: []}
    for seed in range(3):
        data, colour = taste_for_content(seed)
        rng = np.random.default_rng(seed)
        noisy = data.features["look"].values + 0.4 * rng.normal(size=data.features["look"].values.shape)
        words = FeatureTable(noisy.astype(np.float32), np.ones(60, bool), "words")
        look = FeatureTable(data.features["look"].values, np.arange(60) < 40, "look")
        data = data.with_features(look=look, words=words)
        for hidden, reached in found.items():
            model = built("umami", None, hidden=hidden, epochs=20, batch_size=128, lr=0.01, hop=0.0).fit(data)
            best = np.argsort(-model.score(everyone(data))[:, 40:], axis=1)[:, :5]
            reached.append(np.take_along_axis(colour[40:] == np.arange(80)[:, None] % 4, best, axis=1).mean())
    assert np.mean(found[0.5]) > np.mean(found[0.0]) + 0.02

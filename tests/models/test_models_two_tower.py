"""The model that takes any fusion: what it learns together with, what stays as it is, and how everyone sees in their own way."""

import numpy as np
import pytest
import torch

from networks import everyone, shop, taste_for_content
from palate.bundle.build import model_of
from palate.core.errors import ConfigError, DataError
from palate.core.state import State
from palate.data.features import FeatureTable
from palate.fusion import registry
from palate.fusion._learned import LearnedFusion
from palate.interfaces import Explains, Queries, Run
from palate.models.two_tower import TwoTower
from palate.training.samplers.in_batch import InBatch


def fused_by(name, **settings):
    return registry.get(name)(**settings)


@pytest.mark.parametrize("name", registry.names())
def test_any_fusion_finds_new_things_by_their_parts(name):
    data, colour = taste_for_content()
    model = TwoTower(fusion=fused_by(name), epochs=30, batch_size=128).fit(data)
    scores = model.score(everyone(data))[:, 40:]
    own = colour[40:] == np.arange(80)[:, None] % 4
    assert scores[own].mean() > scores[~own].mean() + 0.1
    best = np.argsort(-scores, axis=1)[:, :5]
    assert np.take_along_axis(own, best, axis=1).mean() > 0.9


def test_a_fusion_that_learns_nothing_stays_as_it_was_fitted():
    data, _ = taste_for_content()
    model = TwoTower(fusion=fused_by("concat"), epochs=3).fit(data)
    fused = fused_by("concat").fit(data.features, data, np.random.default_rng(0)).fuse(data.features)
    assert np.allclose(model.vectors, fused.values, atol=1e-6)


def test_a_fusion_that_learns_from_the_parts_is_fitted_first():
    data, _ = taste_for_content()
    model = TwoTower(fusion=fused_by("generative", epochs=3), epochs=3).fit(data)
    assert np.allclose(model.vectors, model.fusion.fuse(data.features).values, atol=1e-5)


def test_the_fusion_learned_along_makes_the_vectors_of_the_model():
    data = shop(users=30, items=20)
    model = TwoTower(fusion=fused_by("transformer"), epochs=5).fit(data)
    assert isinstance(model.fusion, LearnedFusion)
    assert np.allclose(model.vectors, model.fusion.fuse(data.features).values, atol=1e-5)


def test_everyone_sees_in_their_own_way_as_the_network_did():
    data = shop(users=30, items=20)
    model = TwoTower(fusion=fused_by("user-attention"), epochs=5).fit(data, None, Run(seed=1))
    network = model._network(data, np.random.default_rng(0))
    arrays = model.fusion.learned.arrays() | {"people": model._people(everyone(data))}
    network.weights.load(arrays)
    with torch.no_grad():
        expected = network.scorer()(np.arange(30, dtype=np.int32))
    found = model.score(everyone(data))
    there = ~np.isnan(found)
    assert there.any()
    assert np.allclose(found[there], expected[there], atol=1e-5)
    some = np.array([7, 2, 11], np.int32)
    assert np.allclose(model.score(everyone(data), some), found[:, some], atol=1e-6, equal_nan=True)


def test_what_everyone_sees_survives_a_round_trip_and_is_explained(tmp_path):
    data = shop(users=30, items=20)
    model = TwoTower(fusion=fused_by("user-attention"), epochs=5).fit(data)
    model.state().save(tmp_path, "model")
    again = TwoTower(model.config, fusion=fused_by("user-attention")).load_state(State.load(tmp_path, "model"))
    again.remember(data.users, data.items, data.liked, data.seen)
    scores = model.score(everyone(data))
    assert np.array_equal(scores, again.score(everyone(data)), equal_nan=True)
    assert isinstance(again, Explains)
    user, item = (int(place) for place in np.argwhere(~np.isnan(scores))[0])
    told = again.explain(Queries.of_users(data, np.array([user], np.int32)), item)
    assert told.score == pytest.approx(scores[user, item], abs=1e-5)
    assert sum(told.parts.values()) == pytest.approx(told.score)
    assert set(told.parts) <= {"photo", "text"}


def test_a_width_or_a_setting_given_twice_is_refused():
    with pytest.raises(ConfigError, match="the model was given dim=8 and its fusion dim=16"):
        TwoTower(dim=8, fusion=fused_by("mlp", dim=16))
    with pytest.raises(ConfigError, match="the model was given dim=32 and its fusion dim=64"):
        TwoTower(dim=32, fusion=fused_by("mlp", dim=64))  # although 64 is what it has by default
    with pytest.raises(ConfigError, match=r"given epochs=3.*give epochs to the model"):
        TwoTower(fusion=fused_by("mlp", epochs=3))
    assert TwoTower(dim=8).fusion.dim == 8
    assert TwoTower(dim=8, fusion=fused_by("mlp", dim=8)).fusion.dim == 8
    assert model_of(TwoTower(dim=8).spec()).fusion.dim == model_of(TwoTower(dim=8).spec()).config.dim == 8
    assert TwoTower(fusion=fused_by("mlp", dim=16)).fusion.dim == 16


def test_without_any_part_it_says_what_else_there_is():
    data = shop(parts=False)
    with pytest.raises(DataError, match="palate encode"):
        TwoTower(epochs=1).fit(data)


def test_shuffled_parts_are_worth_nothing():
    data, colour = taste_for_content(shuffled=True)
    model = TwoTower(epochs=30, batch_size=128).fit(data)
    own = colour[40:] == np.arange(80)[:, None] % 4
    best = np.argsort(-model.score(everyone(data))[:, 40:], axis=1)[:, :5]
    assert np.take_along_axis(own, best, axis=1).mean() < 0.5


def test_rare_combinations_of_parts_are_shown_as_often_as_others_where_that_is_asked_for():
    data = shop(users=30, items=20)
    for even in (0.0, 1.0):
        model = TwoTower(even=even)
        network = model._network(data, np.random.default_rng(0))
        made = model._batches(network, data, InBatch())
        assert (made.ends is not None) == (even > 0)
        assert network.placed[made.items].all()  # likes of items without any part teach nothing


def test_likes_of_nothing_but_bare_items_are_refused():
    data = shop(users=30, items=20)
    rows, new = data.interactions, np.arange(20) == 0
    data = data.with_interactions(rows.take(np.flatnonzero(rows.item != 0)))
    rng = np.random.default_rng(0)
    parts = {name: FeatureTable(rng.normal(size=(20, 3)).astype(np.float32), new, name) for name in data.features}
    with pytest.raises(DataError, match="nobody likes an item that has any of the parts"):
        TwoTower(epochs=1).fit(data.with_features(**parts))


@pytest.mark.parametrize("setting", [{"hidden": 0.3}, {"rebuild": 1.0}, {"balance": 1.0}, {"even": 1.0}])
def test_what_is_done_for_single_parts_is_refused_where_none_are_seen(setting):
    (name,) = setting
    with pytest.raises(ConfigError, match=f"given {name}=.*fusion concat does not learn together"):
        TwoTower(fusion=fused_by("concat"), **setting)
    with pytest.raises(ConfigError, match=f"given {name}="):
        TwoTower(fusion=fused_by("generative"), **setting)
    TwoTower(fusion=fused_by("gated"), **setting)


@pytest.mark.parametrize("name", ["mlp", "concat"])
def test_parts_that_tell_no_item_from_another_are_refused(name):
    data = shop(users=30, items=20)
    alike = {part: FeatureTable(np.ones((20, 3), np.float32), np.ones(20, bool), part) for part in data.features}
    with pytest.raises(DataError, match="the parts photo, text are the same for every item"):
        TwoTower(fusion=fused_by(name), epochs=1).fit(data.with_features(**alike))


@pytest.mark.parametrize("name", ["mlp", "user-attention"])
def test_items_without_any_part_are_nowhere_in_training_too(name):
    data = shop(users=30, items=20)
    bare = np.arange(20) < 5
    gone = {part: table.dropped(bare) for part, table in data.features.items()}
    data = data.with_features(**gone)
    model = TwoTower(fusion=fused_by(name), epochs=2)
    network = model._network(data, np.random.default_rng(0))
    for parameter in network.weights.parameters():
        parameter.data += 0.1
    with torch.no_grad():
        judged, (_, things) = network.scorer()(np.arange(30, dtype=np.int32)), network.final()
    assert np.array_equal(np.isnan(judged).all(axis=0), ~network.placed)
    assert not things.numpy()[~network.placed].any()
    assert not model.fit(data).message[bare].any()


def test_what_everyone_sees_is_not_learned_from_likes_held_against_nothing():
    with pytest.raises(ConfigError, match="the sampler 'none' draws nothing"):
        TwoTower(fusion=fused_by("user-attention"), sampler="none", epochs=1).fit(shop(users=30, items=20))
    with pytest.raises(ConfigError, match=r"balance=1.0 looks at how well each part tells.*'none' draws nothing"):
        TwoTower(loss="alignment", sampler="none", balance=1.0, epochs=1).fit(shop(users=30, items=20))


@pytest.mark.parametrize("name", ["mlp", "concat"])
def test_scores_of_people_whom_training_knew_are_cosines(name):
    data = shop(users=30, items=20)
    model = TwoTower(fusion=fused_by(name), epochs=3).fit(data)
    people, known = model._people(everyone(data)), np.diff(data.liked.indptr) > 0
    assert known.any()
    assert np.allclose(np.linalg.norm(people[known], axis=1), 1, atol=1e-4)


def test_what_it_says_of_an_item_is_content_whoever_liked_it():
    data = shop(users=30, items=20)
    model = TwoTower(epochs=2).fit(data)
    scores = model.score(everyone(data))
    user, item = (int(place) for place in np.argwhere(~np.isnan(scores))[0])
    told = model.explain(Queries.of_users(data, np.array([user], np.int32)), item)
    assert set(told.parts) <= {"content", "person"}
    assert sum(told.parts.values()) == pytest.approx(scores[user, item], abs=1e-5)
    assert sum(told.history.values()) + told.own == pytest.approx(told.score, abs=1e-5)

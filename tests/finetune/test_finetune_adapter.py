"""The adapter finds taste that vectors hold small, begins as nothing, goes on after a break, and sees no test."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import palate  # noqa: E402
from buried import buried, mixed_up, with_holes  # noqa: E402
from palate.core.errors import ConfigError, DataError, MissingExtraError, StoreError  # noqa: E402
from palate.core.state import State  # noqa: E402
from palate.data.folder import load, save  # noqa: E402
from palate.encoders._tuned import FILE, Tuning, read_tuning  # noqa: E402
from palate.finetune import fine_tune, registry  # noqa: E402
from palate.finetune._together import Together  # noqa: E402
from palate.interfaces import Run  # noqa: E402
from palate.training import loop  # noqa: E402
from palate.training.samplers import registry as samplers  # noqa: E402

pytestmark = pytest.mark.torch
FEW = {"epochs": 4, "hidden": 32, "lr": 0.01, "batch_size": 64, "dropout": 0.0}


def taught(data, how="cold-items", run=None, **settings):
    return fine_tune(data, "look", registry.get("adapter")(**{**FEW, **settings}), how, run=run)


@pytest.fixture(scope="module")
def world():
    return buried()


@pytest.fixture(scope="module")
def found(world):
    return taught(world, epochs=40, patience=0)


def arrays(tuning):
    return tuning.state().arrays


def test_taste_that_vectors_hold_small_is_found(found, world):
    assert found.after.metrics["recall@20"] > found.before.metrics["recall@20"] + 0.15
    lost = taught(mixed_up(world), epochs=40, patience=0)
    assert lost.after.metrics["recall@20"] < lost.before.metrics["recall@20"] + 0.1


def test_items_that_nobody_met_are_placed_by_it(found, world):
    from palate.evaluation import evaluate
    from palate.models import ContentKNN

    cut = palate.split(world.with_features(tuned=found.table), "cold-items")
    recall = {
        part: evaluate(ContentKNN(parts=(part,)).fit(cut.train), cut, resamples=10).metrics["recall@20"]
        for part in ("look", "tuned")
    }
    assert recall["tuned"] > recall["look"] + 0.15


def test_before_the_first_step_nothing_is_changed(world, monkeypatch):
    monkeypatch.setattr(loop, "_epoch", lambda *_: {})
    unmoved = taught(world, epochs=1)
    assert np.array_equal(unmoved.table.values, world.features["look"].values)
    assert unmoved.after.metrics == unmoved.before.metrics


def test_the_network_and_what_applies_it_say_the_same(world):
    from palate.encoders._changes import Bottleneck
    from palate.nn.network import Weights

    weights, change = Weights(np.random.default_rng(0)), Bottleneck(16, 5)
    network = change.built(weights)
    rng = np.random.default_rng(1)
    learned = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in weights.arrays().items()}
    weights.load(learned)
    rows = rng.normal(size=(7, 16)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(
            network(torch.from_numpy(rows), None), change.applied(learned, rows, None), atol=1e-5
        )


def test_the_test_part_is_not_seen(world):
    cut = palate.split(world, "random-per-user")
    test = cut.test.interactions
    mixed = replace(test, item=np.random.default_rng(3).permutation(test.item))
    tuned = [
        registry.get("adapter")(**FEW).fit(one.train, one.valid, part="look").tuning
        for one in (cut, replace(cut, test=cut.test.with_interactions(mixed)))
    ]
    for name, value in arrays(tuned[0]).items():
        assert np.array_equal(arrays(tuned[1])[name], value)


def test_statistics_come_from_items_of_training_alone(world):
    cut = palate.split(world, "cold-items")
    new = np.bincount(cut.train.interactions.item, minlength=len(world.items)) == 0
    assert new.any()
    values = world.features["look"].values.copy()
    values[new] += 100
    moved = world.with_features(look=replace(world.features["look"], values=values))
    one, other = (
        registry.get("adapter")(**FEW).fit(palate.split(data, "cold-items").train, part="look").tuning
        for data in (world, moved)
    )
    for name, value in arrays(one).items():
        assert np.array_equal(arrays(other)[name], value)


def test_after_a_break_it_goes_on_bit_for_bit(world, tmp_path, monkeypatch):
    monkeypatch.setenv("PALATE_CHECKPOINT_SECONDS", "0")
    whole = taught(world, epochs=6)
    judged = loop._judged

    def breaks(network, judge, where):
        if where.epoch == 4:
            raise KeyboardInterrupt
        return judged(network, judge, where)

    monkeypatch.setattr(loop, "_judged", breaks)
    with pytest.raises(KeyboardInterrupt):
        taught(world, epochs=6, run=Run(checkpoint=tmp_path / "left"))
    monkeypatch.setattr(loop, "_judged", judged)
    again = taught(world, epochs=6, run=Run(checkpoint=tmp_path / "left"))
    assert len(again.history.figures) == 3
    for name, value in arrays(whole.tuning).items():
        assert np.array_equal(arrays(again.tuning)[name], value)


def test_a_seed_gives_the_same_and_another_seed_another(world):
    one, same = taught(world), taught(world)
    assert one.table.fingerprint == same.table.fingerprint
    other = registry.get("adapter")(**FEW).fit(one.split.train, one.split.valid, Run(seed=1), part="look")
    assert not np.array_equal(
        arrays(other.tuning)["learned/adapter.up.weight"], arrays(one.tuning)["learned/adapter.up.weight"]
    )


def test_what_was_learned_makes_the_round_trip(found, world, tmp_path):
    found.save(tmp_path / "out")
    again = Tuning.of(State.load(tmp_path / "out", FILE))
    rows = world.features["look"].values
    assert np.array_equal(again.applied(rows), found.table.values)
    assert again.encoder is None
    assert found.table.encoder is None
    half = again.applied(rows, strength=0.5)
    np.testing.assert_allclose(half, (rows + found.table.values) / 2, atol=1e-5)
    assert np.array_equal(again.applied(rows, strength=0), rows)


def test_missing_stays_missing(world):
    data = world.with_features(look=with_holes(world.features["look"]))
    made = taught(data).table
    assert np.array_equal(made.present, data.features["look"].present)
    assert not made.values[~made.present].any()


def test_a_new_item_gets_the_vector_that_it_would_have_had(world, found):
    rows = world.features["look"].values[:5]
    assert np.allclose(found.tuning.applied(rows), found.table.values[:5], atol=1e-6)


def test_each_like_is_beside_others_of_the_same_person_and_held_against_none_of_them(world):
    liked = world.liked
    batches = Together(liked, samplers.get("in-batch")(), 200, 5)
    for batch in batches.epoch(np.random.default_rng(0)):
        assert liked[np.repeat(batch.users, 5), batch.beside.ravel()].all()
        assert (batch.beside != batch.items[:, None]).all()
        known = liked[batch.users][:, batch.items].toarray() > 0
        barred = np.zeros_like(known)
        barred[tuple(batch.others.barred)] = True
        assert np.array_equal(barred, known)
        assert (np.diff(batch.others.barred[0]) >= 0).all()


@pytest.mark.parametrize(("loss", "sampler"), [("bpr", "uniform"), ("sampled-softmax", "uniform"), ("bce", "in-batch")])
def test_other_losses_and_samplers_do(world, loss, sampler):
    made = taught(world, loss=loss, sampler=sampler, negatives=3, reg=0.01, balance_items=0.5, truncate=0.1)
    assert np.isfinite(made.table.values).all()
    assert not np.array_equal(made.table.values, world.features["look"].values)


def test_the_part_goes_into_the_folder_with_what_taught_it(world, tmp_path):
    save(world, tmp_path / "shop")
    data = load(tmp_path / "shop")
    made = taught(data)
    kept = made.keep(data)
    again = load(tmp_path / "shop")
    assert again.features["look.tuned"].fingerprint == kept.features["look.tuned"].fingerprint == made.table.fingerprint
    assert again.features["look.tuned"].taught == made.table.taught
    assert "u0" not in str(made.table.taught)
    assert palate.split(again, "cold-items").train.features["look.tuned"].taught is not None
    for how, seed in (("random-per-user", 0), ("cold-items", 1)):
        with pytest.raises(DataError, match=r"'look.tuned' was fine-tuned on .*--how cold-items --seed 0"):
            palate.split(again, how, seed)
    grown = replace(again.interactions, item=again.interactions.item[::-1].copy())
    with pytest.raises(DataError, match="another split"):
        palate.split(replace(again, interactions=grown), "cold-items")
    strangers = replace(again, users=type(again.users)(f"x{code}" for code in range(len(again.users))))
    assert len(palate.split(strangers, "random-per-user").train.features) == 2
    assert taught(again, how="random-per-user").split.how == "random-per-user"


def test_parts_that_a_recipe_does_not_read_do_not_bind_its_split(world, found):
    from palate.bundle import Recipe

    data = world.with_features(**{"look.tuned": found.table})
    assert "look.tuned" not in Recipe.of({"model": "content-knn", "parts": ["look"]}).split(data).train.features
    with pytest.raises(DataError, match="leave it out by naming other parts"):
        Recipe.of({"model": "content-knn"}).split(data)


def test_what_cannot_be_done_is_told(world, tmp_path, monkeypatch):
    adapter = registry.get("adapter")
    with pytest.raises(DataError, match=r"no part 'lok': did you mean 'look'"):
        fine_tune(world, "lok", adapter())
    with pytest.raises(ConfigError, match="take the place of 'look'"):
        fine_tune(world, "look", adapter(), name="look")
    of_users = replace(world.features["look"].take(np.arange(len(world.users))), of="users")
    with pytest.raises(DataError, match="is of users, and parts of items can be fine-tuned: there are look"):
        fine_tune(world.with_features(face=of_users), "face", adapter())
    same = replace(world.features["look"], values=np.ones_like(world.features["look"].values))
    with pytest.raises(DataError, match="the same for all items"):
        taught(world.with_features(look=same))
    few = world.with_features(look=world.features["look"].dropped(np.arange(len(world.items)) > 1))
    with pytest.raises(DataError, match=r"likes are of items with the part 'look' .*20 are the fewest"):
        taught(few)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").touch()
    with pytest.raises(ConfigError, match="is no fine-tuned encoder, so it is not replaced"):
        taught(world).save(tmp_path / "mine")
    with pytest.raises(StoreError, match="holds no fine-tuned encoder"):
        read_tuning(tmp_path / "mine")
    from palate.nn import _torch

    monkeypatch.setattr(_torch, "torch", _torch._Torch())
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    from palate.nn import device

    monkeypatch.setattr(device, "torch", _torch._Torch())
    with pytest.raises(MissingExtraError, match=r"palate\[deep\]"):
        taught(world)


def test_it_is_judged_as_content_knn_is(world, found):
    from palate.finetune._base import teaching
    from palate.finetune._together import Pulling
    from palate.interfaces import Queries
    from palate.linalg.standard import trained_rows
    from palate.models import ContentKNN

    train, table = found.split.train, found.split.train.features["look"]
    trained = trained_rows(train, "items")
    config, liked = registry.get("adapter").config_type(hidden=32), teaching(train, table, "look")
    network = Pulling(config, found.tuning, table, None, liked, trained, np.random.default_rng(0))
    network.weights.load(dict(found.tuning.learned))
    users = np.arange(len(train.users), dtype=np.int32)
    model = ContentKNN().fit(train.with_features(look=found.table))
    np.testing.assert_allclose(network.scorer()(users), model.score(Queries.of_users(train, users)), atol=1e-3)

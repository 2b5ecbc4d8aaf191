"""Every network on odd data and odd settings, after a break, beside another test part, and on a board whose answer is plain."""

import itertools
from dataclasses import replace
from functools import reduce

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

import palate  # noqa: E402
from networks import NETWORKS, everyone, shop  # noqa: E402
from palate.core.errors import ConfigError, DataError, MemoryLimitError, PalateError  # noqa: E402
from palate.core.ids import IdMap  # noqa: E402
from palate.data.dataset import Dataset, bare_catalogue  # noqa: E402
from palate.data.features import FeatureTable  # noqa: E402
from palate.data.interactions import Interactions  # noqa: E402
from palate.data.split import Split  # noqa: E402
from palate.explain import counterfactual  # noqa: E402
from palate.interfaces import Queries, Run  # noqa: E402
from palate.models import registry  # noqa: E402
from palate.training import loop  # noqa: E402

pytestmark = pytest.mark.torch
DEEP = [name for name in registry.names() if registry.get(name).extra == "deep"]
READ_CONTENT = [name for name in DEEP if "features" in registry.get(name).requires | registry.get(name).accepts]


def fitted(name, data, valid=None, **settings):
    return registry.get(name)(**{"dim": 4, "epochs": 2, **settings}).fit(data, valid, Run(seed=3, threads=1))


def scores(model, data):
    return model.score(everyone(data))


def same(one, other):
    return one.state().fingerprint == other.state().fingerprint


@pytest.mark.parametrize("name", DEEP)
def test_settings_that_cannot_be_are_refused(name):
    for setting in (
        {"dim": 0},
        {"epochs": 0},
        {"lr": -1},
        {"batch_size": 0},
        {"patience": -1},
        {"seconds": 0},
        {"clip": 0},
    ):
        with pytest.raises(ConfigError, match=next(iter(setting))):
            registry.get(name)(**setting)
    with pytest.raises(ConfigError, match="no setting 'epoch': did you mean 'epochs'"):
        registry.get(name)(epoch=3)
    wrong = "setting 'sampler' was 'hrad'" if name == "bm3" else "no sampler 'hrad': did you mean 'hard'"
    with pytest.raises(PalateError, match=wrong):
        fitted(name, shop(), sampler="hrad")


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [("bm3", "loss", "bce"), ("bm3", "cosine", True), ("bm3", "sampler", "uniform"), ("mmgcn", "item_power", 0.8)],
)
def test_settings_that_would_do_nothing_are_refused(name, setting, value):
    with pytest.raises(ConfigError, match=f"setting '{setting}' was"):
        registry.get(name)(**{setting: value})


def test_a_loss_that_needs_other_items_is_not_left_without():
    with pytest.raises(ConfigError, match="the sampler 'none' draws none: choose a sampler"):
        fitted("lightgcn", shop(), sampler="none")
    assert np.isfinite(scores(fitted("lightgcn", shop(), sampler="none", loss="alignment"), shop())).any()


@pytest.mark.parametrize("name", DEEP)
def test_without_training_rows_there_is_nothing_to_learn(name):
    data = shop()
    with pytest.raises(DataError, match=f"{name} learns from likes, and the training data has none"):
        fitted(name, data.with_interactions(Interactions.empty()))
    disliked = replace(data.interactions, weight=-np.ones(len(data.interactions), np.float32))
    with pytest.raises(DataError, match="check the rule"):
        fitted(name, data.with_interactions(disliked))


@pytest.mark.parametrize("name", DEEP)
def test_an_empty_validation_part_is_none(name):
    data = shop()
    nothing = data.with_interactions(Interactions.empty())
    assert same(fitted(name, data, nothing), fitted(name, data))
    assert fitted(name, data, nothing).history.best_value is None


@pytest.mark.parametrize(("users", "items"), [(1, 2), (1, 6), (6, 1), (1, 1)])
@pytest.mark.parametrize("name", DEEP)
def test_one_user_and_one_item_are_data_too(name, users, items):
    data = shop(users=users, items=items, likes=1.1)
    found = scores(fitted(name, data), data)
    assert found.shape == (users, items)
    bare = ~np.any([table.present for table in data.features.values()], axis=0)
    assert np.isfinite(found[:, ~bare]).all()
    assert np.isfinite(found[:, bare]).all() == (name != "two-tower" or not bare.any())  # which sees parts alone


@pytest.mark.parametrize("name", DEEP)
def test_a_batch_larger_than_the_data_is_the_data(name):
    data = shop()
    whole = fitted(name, data, batch_size=data.liked.nnz)
    assert np.isfinite(scores(whole, data)).any()
    assert same(fitted(name, data, batch_size=100_000), whole)


@pytest.mark.parametrize("name", READ_CONTENT)
def test_a_part_that_no_item_has_changes_nothing(name):
    data = shop()
    nothing = FeatureTable(np.full((9, 3), np.nan, np.float32), np.zeros(9, bool), "none")
    more = replace(data, features={**data.features, "a": nothing})
    assert np.array_equal(scores(fitted(name, data), data), scores(fitted(name, more), more), equal_nan=True)


@pytest.mark.parametrize("name", READ_CONTENT)
def test_where_no_item_has_any_part_behaviour_is_left_or_the_reason_is_told(name):
    data = shop()
    bare = replace(data, features={part: table.dropped(np.ones(9, bool)) for part, table in data.features.items()})
    if "features" in registry.get(name).requires:
        with pytest.raises(DataError, match=r"no item has any of the parts photo, text.* as lightgcn does"):
            fitted(name, bare)
    else:
        without = data.without_features("photo", "text")
        assert np.array_equal(scores(fitted(name, bare), bare), scores(fitted(name, without), without), equal_nan=True)


@pytest.mark.parametrize("name", READ_CONTENT)
def test_what_stands_in_absent_rows_is_never_read(name):
    found = []
    for value in (np.nan, 0.0, 1e30):
        data = shop()
        parts = {
            part: replace(table, values=np.where(table.present[:, None], table.values, np.float32(value)))
            for part, table in data.features.items()
        }
        found.append(fitted(name, replace(data, features=parts)))
    assert same(found[0], found[1])
    assert same(found[0], found[2])


@pytest.mark.parametrize("name", READ_CONTENT)
def test_parts_may_be_called_anything(name):
    """A part of a part has a dot in its name, as all reviews have; no name is mistaken for another weight of the network."""
    data, found = shop(), []
    for names in (("photo", "text"), ("interactions.text", "trailer/sound"), ("item", "person")):
        parts = dict(zip(names, data.features.values(), strict=True))
        found.append(scores(fitted(name, replace(data, features=parts)), data))
    assert np.array_equal(found[0], found[1], equal_nan=True)
    assert np.array_equal(found[0], found[2], equal_nan=True)


@pytest.mark.parametrize("name", READ_CONTENT)
def test_a_part_that_says_the_same_of_all_items_is_no_harm(name):
    data = shop()
    flat = FeatureTable(np.ones((9, 3), np.float32), np.ones(9, bool), "flat")
    model = fitted(name, replace(data, features={"flat": flat, **data.features}))
    assert np.isfinite(scores(model, data)).any()


def board(features=True):
    """Even people like even things, odd ones odd ones; one like of each is held back. The part tells the colour."""
    size, rng = 16, np.random.default_rng(0)
    colour = np.arange(size) % 2
    liked = colour[:, None] == colour[None, :]
    held = liked & (np.arange(size)[None, :] // 2 == (np.arange(size)[:, None] // 2 + 3) % 8)
    look = (rng.normal(size=(2, 4))[colour] + 0.05 * rng.normal(size=(size, 4))).astype(np.float32)
    ids = IdMap(f"i{n}" for n in range(size))
    parts = {"look": FeatureTable(look, np.ones(size, bool), "look")} if features else {}

    def of(mask):
        user, item = np.nonzero(mask)
        log = Interactions(user.astype(np.int32), item.astype(np.int32), np.ones(len(user), np.float32))
        return Dataset(IdMap(f"u{n}" for n in range(size)), ids, log, bare_catalogue(ids), features=parts)

    return Split(of(liked & ~held), of(np.zeros_like(held)), of(held), "by hand")


@pytest.mark.parametrize("name", DEEP)
def test_a_checkerboard_is_learned_to_the_last_square(name):
    cut = board()
    model = fitted(name, cut.train, dim=8, epochs=150, lr=0.02)
    assert palate.evaluate(model, cut, k=1, metrics=["recall"], resamples=1).metrics == {"recall@1": 1.0}


def labelled(changed=lambda test: test):
    """A shop with a split column; `changed` makes other rows of those of the test part."""
    data = shop(users=20, items=12, seed=1)
    log = data.interactions
    label = np.array(["train", "train", "train", "valid", "test"])[np.arange(len(log)) % 5]
    rows = [log.take(label == part) for part in ("train", "valid", "test")]
    rows[2] = changed(rows[2])
    names = np.repeat(["train", "valid", "test"], [len(part) for part in rows])
    whole = replace(reduce(Interactions.concat, rows), extra=pl.DataFrame({"split": names}))
    return palate.split(data.with_interactions(whole), "as-labelled")


def dealt_out(test):
    return replace(test, item=np.random.default_rng(0).permutation(test.item))


@pytest.mark.parametrize("name", DEEP)
def test_another_test_part_or_hardly_any_leaves_the_model_as_it_is(name):
    cuts = labelled(), labelled(dealt_out), labelled(lambda test: test.take(np.arange(1)))
    assert not np.array_equal(cuts[0].test.liked.toarray(), cuts[1].test.liked.toarray())
    models = [fitted(name, cut.train, cut.valid, epochs=3, patience=1) for cut in cuts]
    assert same(models[0], models[1])
    assert same(models[0], models[2])


class Stopped(Exception):
    pass


@pytest.mark.parametrize("name", DEEP)
def test_after_a_break_a_training_goes_on_bit_for_bit(name, tmp_path, monkeypatch):
    cut, epoch = labelled(), loop._epoch
    settings = {"epochs": 4, "lr": 0.01, "batch_size": 16, "patience": 0}
    before = fitted(name, cut.train, cut.valid, **settings)

    def breaks(network, batches, config, where):
        if where.epoch == 2:
            raise Stopped
        return epoch(network, batches, config, where)

    monkeypatch.setattr(loop.time, "monotonic", itertools.count(0, 1000).__next__)  # a checkpoint is due each time
    monkeypatch.setattr(loop, "_epoch", breaks)
    model = registry.get(name)(dim=4, **settings)
    run = Run(seed=3, threads=1, checkpoint=tmp_path / "checkpoint")
    with pytest.raises(Stopped):
        model.fit(cut.train, cut.valid, run)
    monkeypatch.setattr(loop, "_epoch", epoch)
    after = model.fit(cut.train, cut.valid, run)
    assert len(after.history.figures) == 2
    assert same(after, before)


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "umami"])
def test_amounts_of_likes_are_what_a_new_person_lacks_without_them(name):
    """A new person's score times the root of the length of the history is a sum over the likes."""
    data = shop()
    model = fitted(name, data)
    item, history = int(np.flatnonzero(model.placed)[0]), np.flatnonzero(model.placed)[1:5].tolist()

    def summed(likes):
        return float(model.score(Queries.of_history(likes, 9))[0, item] * np.sqrt(len(likes)))

    told = model.explain(Queries.of_history(history, 9), item)
    assert told.own == 0
    for code in history:
        left = [other for other in history if other != code]
        assert told.history[code] * 2 == pytest.approx(summed(history) - summed(left), abs=1e-5)


def test_what_would_have_changed_the_answer_leaves_the_person_as_they_are():
    """Of lightgcn a known person and a new one with the same likes get other lists; each is told of their own."""
    data = shop()
    model = fitted("lightgcn", data, lr=0.05, epochs=30)
    user = next(
        user for user in range(12)
        if model.rank(Queries.of_users(data, np.array([user], np.int32)), 1, data.seen[[user]]).items[0, 0]
        != model.rank(Queries.of_history(data.liked[[user]].indices.tolist(), 9), 1, data.seen[[user]]).items[0, 0]
    )  # fmt: skip
    history = data.liked[[user]].indices.tolist()
    best = int(model.rank(Queries.of_users(data, np.array([user], np.int32)), 1, data.seen[[user]]).items[0, 0])
    assert counterfactual(model, history, best, k=1, user=user).rank == 1
    with pytest.raises(DataError, match="is not among the 1 best"):
        counterfactual(model, history, best, k=1)


@pytest.mark.parametrize("beside", ["item-knn", "ease", "cease"])
def test_umami_explains_both_the_cosine_and_what_stands_beside_it(beside):
    data = shop()
    model = fitted("umami", data, late=0.7, beside=beside, epochs=20)
    query = Queries.of_users(data, np.array([2], np.int32))
    item, history = 4, query.history.indices
    length, worth = np.linalg.norm(model._people(query)[0]), 0.7 / np.nanmax(model.beside.score(query))
    other, told = model.beside.explain(query, item).history, model.explain(query, item)
    for code, amount in told.history.items():
        cosine = model.message[code] @ model.vectors[item] / np.sqrt(len(history)) / length
        assert amount == pytest.approx(cosine + worth * other.get(code, 0), abs=1e-5)
    assert told.own == pytest.approx(model.own[2] @ model.vectors[item] / length, abs=1e-5)
    assert told.own + sum(told.history.values()) == pytest.approx(model.score(query)[0, item], abs=1e-5)


@pytest.mark.parametrize(
    ("settings", "placed"),
    [({}, True), ({"neighbours": 0}, True), ({"content": 0.0}, True), ({"content": 0.0, "hop": 0.0}, False),
     ({"content": 0.0, "neighbours": 0}, False)],
)  # fmt: skip
def test_umami_places_a_new_item_where_content_or_neighbours_count(settings, placed):
    data = shop()
    new = next(item for item in range(9) if all(table.present[item] for table in data.features.values()))
    less = data.with_interactions(data.interactions.take(data.interactions.item != new))
    found = scores(fitted("umami", less, late=0.0, **settings), less)[np.diff(less.liked.indptr) > 0, new]
    assert np.isfinite(found).all() if placed else np.isnan(found).all()


def test_umami_leaves_out_what_takes_too_much_memory_and_refuses_where_nothing_is_left(monkeypatch):
    data = shop(users=20, items=600, likes=0.9)
    descend = loop.train
    monkeypatch.setattr(loop, "train", None)
    for settings in ({"late": 0.5}, {"late": 0.5, "beside": "ease"}):
        with pytest.raises(MemoryLimitError, match=r"beside umami would take more than memory_limit_mb=1 .* late=0"):
            fitted("umami", data, memory_limit_mb=1, **settings)
    monkeypatch.setattr(loop, "train", descend)
    assert fitted("umami", data, memory_limit_mb=1, late=0.0, epochs=1).beside is None

"""A dataset joined with what a service took in, and a bundle that is only renewed where that does not make it worse."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from palate.bundle import Bundle, Recipe, renewal, train
from palate.bundle.grown import grown
from palate.bundle.renewal import Translated, renewed
from palate.cli import main
from palate.core.errors import BundleError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.folder import save
from palate.data.interactions import Interactions
from palate.data.store import Event, Posted, Store, store_of
from palate.encoders import BrokenInput
from palate.encoders.pipeline import encode
from palate.interfaces import Queries
from palate.models import ItemKNN, Popularity
from small_shop import write_shop


@pytest.fixture
def store(tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    yield store
    store.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("renewed") / "shop"
    data = write_shop(folder)
    return encode(data.without_features(*data.features), title="tf-idf", photo="colour-texture")


def event(number, user, item, **about):
    return Event(f"e{number}", user, item, timestamp=2_000_000_000 + number, **about)


def test_events_and_items_of_a_store_join_a_dataset(shop, store):
    picture = (shop.catalogue.root / "media/photo/0.png").read_bytes()
    title = shop.catalogue.table["title"][0]
    store.post(Posted("new", {"title": title, "price": 7.5}, {"photo": "x.png"}), {"photo": picture})
    store.post(Posted(shop.items.ids[1], {"title": "another title"}))
    store.post(Posted("gone", gone=True))
    known, old = shop.users.ids[0], shop.items.ids[2]
    store.append([event(1, known, "new"), event(2, "stranger", old, weight=0.5, kind="buy"), event(3, "x", "unknown")])
    found = grown(shop, store)
    data = found.data
    assert (found.items, found.forgotten) == (1, 0)
    assert list(data.items.ids) == [*shop.items.ids, "new"]
    assert list(data.users.ids) == [*shop.users.ids, "stranger"]
    assert data.catalogue.row(len(shop.items))["price"] == 7.5
    assert data.catalogue.table["title"][1] == "another title"
    for name in ("title", "photo"):
        np.testing.assert_allclose(data.part(name).values[-1], shop.part(name).values[0], atol=1e-6)
    assert data.part("photo").present[1] == False  # noqa: E712  the new word on it has no picture
    n = len(shop.interactions)
    assert found.cursors[:n].max() == 0
    assert found.cursors[n:].tolist() == [1, 2]
    last = data.interactions.take(np.array([n, n + 1]))
    assert last.user.tolist() == [0, len(shop.users)]
    assert last.item.tolist() == [len(shop.items), 2]
    assert last.weight.tolist() == [1, 0.5]
    assert last.column("kind").to_list() == ["click", "buy"]
    assert data.history.shape == (len(shop.users) + 1, len(shop.items) + 1)


def test_an_event_that_the_dataset_has_is_no_new_one(shop, store):
    named = shop.with_interactions(
        shop.interactions.with_column("event_id", pl.Series([f"e{row}" for row in range(len(shop.interactions))]))
    )
    store.append([event(5, shop.users.ids[0], shop.items.ids[0]), event(99999, shop.users.ids[0], shop.items.ids[0])])
    found = grown(named, store)
    assert len(found.data.interactions) == len(shop.interactions) + 1


def test_who_was_erased_is_not_learned_from(shop, store):
    user = shop.users.ids[3]
    store.append([event(1, user, shop.items.ids[0]), event(2, "bob", shop.items.ids[0])])
    store.erase(user)
    found = grown(shop, store)
    assert found.forgotten == 1
    assert user not in found.data.users
    assert list(found.data.users.ids) == [each for each in shop.users.ids if each != user] + ["bob"]
    before = {(shop.users.ids[u], shop.items.ids[i]) for u, i in zip(*shop.seen.nonzero(), strict=True)}
    after = {
        (found.data.users.ids[u], found.data.items.ids[i]) for u, i in zip(*found.data.seen.nonzero(), strict=True)
    }
    assert after == {pair for pair in before if pair[0] != user} | {("bob", shop.items.ids[0])}
    store.append([event(3, user, shop.items.ids[1])])
    assert user in grown(shop, store).data.users


def two_tastes(folder, n=60, seed=0):
    """People of two kinds, each of whom likes items of one half."""
    rng = np.random.default_rng(seed)
    users, items = IdMap(f"u{number}" for number in range(n)), IdMap(f"i{number}" for number in range(40))
    pairs = [(u, i) for u in range(n) for i in rng.choice(20, 8, replace=False) + 20 * (u % 2)]
    codes = np.array(pairs, np.int32)
    time = np.arange(len(pairs), dtype=np.int64)
    events = Interactions(codes[:, 0], codes[:, 1], np.ones(len(pairs), np.float32), time)
    data = Dataset(users, items, events, bare_catalogue(items), name="two tastes")
    save(data, folder)
    return data


def new_likes(store, data, rng):
    """Let everybody like four more items of their half."""
    events = []
    for user in range(len(data.users)):
        base = 20 * int(data.liked[[user]].indices[0] // 20)
        new = np.setdiff1d(np.arange(base, base + 20), data.seen[[user]].indices)
        events += [
            (rng.random(), data.users.ids[user], data.items.ids[item]) for item in rng.choice(new, 4, replace=False)
        ]
    store.append([event(number, user, item) for number, (_, user, item) in enumerate(sorted(events))])


def served(folder, model, recipe, store):
    """Return a bundle with a recipe of another model, whose dataset lies in a folder, and let its service take in new likes."""
    data = two_tastes(folder)
    made = replace(Bundle.of(model.fit(data), data), recipe=Recipe(model=recipe))
    new_likes(store, data, np.random.default_rng(1))
    return replace(made, data=replace(made.data, root=folder)), data


def test_a_better_bundle_is_made_and_remembers_what_it_learned(tmp_path, store):
    old, data = served(tmp_path / "ds", Popularity(), "item-knn", store)
    found = renewed(old, store)
    assert found.verdict.new > found.verdict.old
    assert (found.verdict.worse, found.verdict.events) == (False, 48)
    assert len(found.bundle.data.interactions) == len(data.interactions) + 240
    assert found.bundle.manifest.learned == (store.digest(""), 240)
    found.bundle.save(tmp_path / "b")
    again = renewed(Bundle.open(tmp_path / "b"), store)
    assert again.verdict is None
    assert again.bundle is not None


def test_a_worse_bundle_is_given_up(tmp_path, store):
    old, _ = served(tmp_path / "ds", ItemKNN(), "popularity", store)
    found = renewed(old, store)
    assert found.bundle is None
    assert found.verdict.worse
    assert found.verdict.new < found.verdict.old
    assert renewed(old, store, judge=False).bundle.model.name == "popularity"


def test_a_model_is_asked_by_other_codes(shop):
    model = ItemKNN().fit(shop)
    order = np.random.default_rng(0).permutation(len(shop.items))
    items = IdMap(["new", *shop.items.decode(order)])
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order)) + 1
    events = shop.interactions
    moved = Interactions(events.user, place[events.item], events.weight, events.time)
    other = Dataset(shop.users, items, moved, bare_catalogue(items))
    codes = np.arange(5, dtype=np.int32)
    mine = model.score(Queries.of_users(shop, codes))
    theirs = Translated(model, other).score(Queries.of_users(other, codes))
    assert np.isnan(theirs[:, 0]).all()
    np.testing.assert_array_equal(theirs[:, place], mine)


@pytest.fixture
def say(capsys):
    def run(*words, code=0):
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert left.value.code == code, err
        return out

    return run


def test_refit_learns_from_the_store_of_the_bundle(tmp_path, say):
    data = two_tastes(tmp_path / "ds")
    train(replace(data, root=tmp_path / "ds"), Recipe(model="item-knn")).bundle().save(tmp_path / "b")
    store = Store(store_of(tmp_path / "b"))
    new_likes(store, data, np.random.default_rng(1))
    store.close()
    told = json.loads(say("refit", tmp_path / "b", "--out", tmp_path / "c", "--json"))
    assert told["store"] == {"events": 240, "items": 0, "forgotten": 0}
    assert told["interactions"] == len(data.interactions) + 240
    assert told["judged"]["events"] == 48
    alone = json.loads(say("refit", tmp_path / "b", "--out", tmp_path / "d", "--store", "none", "--json"))
    assert (alone["interactions"], "store" in alone) == (len(data.interactions), False)
    shown = say("refit", tmp_path / "b", "--out", tmp_path / "b", tmp_path / "ds")
    assert "the store adds 240 events and 0 items" in shown
    assert max(len(line) for line in shown.splitlines() if "/" not in line) <= 80


def test_refit_says_when_the_new_bundle_is_worse_and_writes_nothing(tmp_path, say):
    data = two_tastes(tmp_path / "ds")
    old = replace(Bundle.of(ItemKNN().fit(data), data, recipe=Recipe(model="popularity")))
    old = replace(old, data=replace(old.data, root=tmp_path / "ds"))
    old.save(tmp_path / "b")
    store = Store(store_of(tmp_path / "b"))
    new_likes(store, data, np.random.default_rng(1))
    store.close()
    shown = say("refit", tmp_path / "b", "--out", tmp_path / "c", code=1)
    assert "the new bundle is worse: nothing was written" in shown
    assert not (tmp_path / "c").exists()
    assert "fitted popularity" in say("refit", tmp_path / "b", "--out", tmp_path / "c", "--no-judge")


def test_who_is_erased_meanwhile_is_not_in_the_new_bundle(tmp_path, say, monkeypatch):
    data = two_tastes(tmp_path / "ds")
    train(replace(data, root=tmp_path / "ds"), Recipe(model="item-knn")).bundle().save(tmp_path / "b")
    store, fit_again = Store(store_of(tmp_path / "b")), renewal.fit_again
    store.append([event(1, "stranger", "i1"), event(2, "other", "i1")])
    store.erase("u3")

    def meanwhile(*given):
        store.erase("stranger")
        store.erase("u4")
        return fit_again(*given)

    monkeypatch.setattr(renewal, "fit_again", meanwhile)
    say("refit", tmp_path / "b", "--out", tmp_path / "c", "--no-judge")
    store.close()
    made = Bundle.open(tmp_path / "c")
    assert {"u3", "u4", "stranger"}.isdisjoint(made.data.users)
    assert {"u5", "other"} <= set(made.data.users)
    assert len(made.data.interactions) == len(data.interactions) - 16 + 1


def test_posted_files_are_decoded_as_the_caller_wants(shop, store):
    store.post(Posted("new", {"title": "x"}, {"photo": "x.png"}), {"photo": b"a bomb"})
    asked = []

    def decode(encoder, path):
        asked.append((encoder.name, path.read_bytes()))
        raise BrokenInput("it is a bomb")

    assert not grown(shop, store, decode).data.part("photo").present[-1]
    assert asked == [("colour-texture", b"a bomb")]


def test_a_dataset_that_is_gone_is_told(tmp_path, store, shop):
    bundle = Bundle.of(ItemKNN().fit(shop), shop)
    with pytest.raises(BundleError, match="the dataset folder of this bundle is not there"):
        renewed(replace(bundle, data=replace(bundle.data, root=None)), store)

"""A served `item-knn` goes on counting: its scores are those of one fitted on what people like by now."""

from __future__ import annotations

import dataclasses
import gc
import threading
import time
import weakref

import numpy as np
import pytest
import scipy.sparse as sp
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from palate.bundle import Bundle
from palate.core.errors import MemoryLimitError, PalateError
from palate.core.ids import IdMap
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.interactions import Interactions
from palate.data.store import Store
from palate.interfaces import Queries
from palate.models import ItemKNN, Popularity
from palate.serving.app import create_app
from palate.serving.counting import Counting, can_count, counting_of
from palate.serving.counts import ONE

ITEMS = 12
PEOPLE = st.sampled_from([f"user {n}" for n in range(6)] + ["stranger 1", "stranger 2"])
LIKES = st.sets(st.integers(0, ITEMS - 1), max_size=ITEMS)


def dataset(likes, n_items=ITEMS):
    users = IdMap(likes)
    pairs = [(row, item) for row, items in enumerate(likes.values()) for item in sorted(items)]
    user, item = np.array(pairs, np.int32).reshape(-1, 2).T
    items = IdMap(f"i{n}" for n in range(n_items))
    return Dataset(users, items, Interactions(user, item, np.ones(len(user), np.float32)), bare_catalogue(items))


def codes(items):
    return np.array(sorted(items), np.int32)


def queries(seed=0):
    rows = np.random.default_rng(seed).random((30, ITEMS)) < 0.25
    return Queries(sp.csr_array(rows.astype(np.float32)), np.full(30, -1, np.int32))


def assert_same(counting, likes, **config):
    """Assert that scores and explanations are those of a model fitted anew."""
    likes = {user: items for user, items in likes.items() if items}
    asked = queries()
    if not likes:
        assert np.isnan(counting.score(asked)).all()
        return
    anew = ItemKNN(**config).fit(dataset(likes))
    expected = anew.score(asked)
    np.testing.assert_allclose(counting.score(asked), expected, rtol=2e-5, atol=1e-7)
    some = np.array([7, 2], np.int32)
    np.testing.assert_allclose(counting.score(asked, some), expected[:, some], rtol=2e-5, atol=1e-7)
    for row in range(0, 30, 11):
        one = Queries(asked.history[[row]], asked.user[[row]])
        for item in range(ITEMS):
            told, theirs = counting.explain(one, item), anew.explain(one, item)
            assert told.history.keys() == theirs.history.keys()
            assert list(told.history.values()) == pytest.approx(list(theirs.history.values()), rel=2e-5)
            assert (told.score, sum(told.history.values())) == pytest.approx(
                (expected[row, item], 0 if np.isnan(told.score) else told.score), rel=2e-5, abs=1e-7, nan_ok=True
            )


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(PEOPLE.filter(lambda user: user.startswith("user")), LIKES.filter(bool), min_size=1),
    st.lists(st.tuples(st.dictionaries(PEOPLE, LIKES, max_size=4), st.booleans()), max_size=6),
    st.sampled_from([{}, {"shrink": 0.0, "user_power": 0.0}, {"shrink": 2.0, "user_power": 0.5}]),
)
def test_scores_are_those_of_a_model_fitted_anew(first, rounds, config):
    likes = dict(first)
    counting = Counting(ItemKNN(**config).fit(dataset(likes)))
    assert_same(counting, likes, **config)
    for changes, fold in rounds:  # likes come and go, people are erased and come back, items get their first like
        likes |= changes
        counting.follow({user: codes(items) for user, items in changes.items()})
        assert_same(counting, likes, **config)
        if fold:
            counting.fold()
            assert counting.counts.sets.used == 0
            assert_same(counting, likes, **config)
    told = Counting(ItemKNN(**config).fit(dataset(first)), {user: codes(items) for user, items in likes.items()})
    assert_same(told, likes, **config)
    np.testing.assert_array_equal(told.counts.own, counting.counts.own)
    for item in range(ITEMS):  # a restart has the same to the last bit
        np.testing.assert_array_equal(told.counts.row(item), counting.counts.row(item))


def test_what_is_taken_away_again_leaves_nothing():
    first = {"user 0": {0, 1, 2}, "user 1": {1, 2, 3}, "user 2": {2, 9}}
    counting = Counting(ItemKNN().fit(dataset(first)))
    before, pairs = counting.score(queries()), counting.counts.pairs
    for size in (1, 5, 12):
        counting.follow({"stranger 1": codes(range(size)), "user 1": codes({size - 1})})
    counting.follow({"stranger 1": codes([]), "user 1": codes(first["user 1"])})
    np.testing.assert_allclose(counting.score(queries()), before, rtol=1e-5, atol=1e-12)
    counting.fold()
    np.testing.assert_array_equal(counting.counts.pairs.toarray(), pairs.toarray())
    np.testing.assert_array_equal(counting.score(queries()), before)


def test_what_others_have_that_is_no_item_of_the_model_does_not_count():
    first = {"user 0": {0, 1}, "user 1": {1, 2}}
    counting = Counting(ItemKNN().fit(dataset(first)))
    before = counting.counts
    counting.follow({"user 0": codes({0, 1, ITEMS, ITEMS + 3}), "ann": codes({ITEMS})})
    assert counting.counts is before
    counting.follow({"ann": codes({0, 2, ITEMS})})
    assert_same(counting, first | {"ann": {0, 2}})


def test_readers_see_all_of_a_change_or_nothing_of_it():
    first = {f"user {n}": {0, 1, 2} for n in range(3)}
    counting = Counting(ItemKNN(shrink=0, user_power=0).fit(dataset(first)))
    asked, stop, wrong = Queries.of_history([3], ITEMS), threading.Event(), []

    def read():
        while not stop.is_set():
            row = counting.score(asked)[0]
            if np.isfinite(row[3]) and not np.allclose(row[4:9], 1):  # all six have the same likers, or none
                wrong.append(row)

    def fold():
        while not stop.is_set():
            counting.fold()

    threads = [threading.Thread(target=read) for _ in range(2)] + [threading.Thread(target=fold)]
    for thread in threads:
        thread.start()
    for step in range(2_000):
        counting.follow({f"s{step % 7}": codes(range(3, 9)), f"s{(step + 3) % 7}": codes([])})
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    liking = {user: set(liked.tolist()) for user, liked in counting._counted.items()}
    assert_same(counting, first | liking, shrink=0, user_power=0)


def test_what_is_liked_since_is_folded_in_before_it_grows(monkeypatch):
    counting = Counting(ItemKNN().fit(dataset({"user 0": {0, 1}})))
    monkeypatch.setattr("palate.serving.counting._LEAST", 1_000)
    most = 0
    for step in range(500):
        counting.follow({f"s{step % 20}": codes({step % 5, 5 + step % 7})})
        if counting.full:
            counting.fold()
        most = max(most, counting.counts.sets.used, len(counting.counts.sets.members))
    assert 500 < most <= 3_000


def test_it_refuses_more_than_memory_allows_and_stops_before(caplog):
    model = ItemKNN(memory_limit_mb=1).fit(dataset({"user 0": {0, 1}}, 600))
    counting = Counting(model)
    counting.follow({"ann": codes(range(600))})
    counting.fold()
    assert counting.stopped
    assert "train it with neighbours=100" in caplog.text
    before = counting.counts
    counting.follow({"bob": codes({0, 1})})
    assert counting.counts is before
    with pytest.raises(MemoryLimitError, match="memory_limit_mb is 1"):
        Counting(model, {"ann": codes(range(600))})


def test_it_is_neither_fitted_nor_kept():
    counting = Counting(ItemKNN().fit(dataset({"user 0": {0, 1}})))
    assert counting.counts.own[:3].tolist() == [round(ONE * 2**-0.5)] * 2 + [0]
    for do in (lambda: counting.fit(dataset({"user 0": {0, 1}})), counting.state, lambda: counting.load_state(None)):
        with pytest.raises(PalateError, match="a model that counts"):
            do()


# over HTTP


@pytest.fixture(scope="module")
def cold(shop):
    """A shop in which nobody has met the last item."""
    events = shop.interactions
    return shop.take_interactions(events.item != len(shop.items) - 1)


@pytest.fixture(scope="module")
def known(cold):
    return Bundle.of(ItemKNN(shrink=1).fit(cold), cold)


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'events.db'}"


def served(bundle, url, counts=True):
    app = create_app(bundle, None, Store(url))
    end = time.monotonic() + 20
    while counts and counting_of(app.state.deck.engine.model) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    return TestClient(app, raise_server_exceptions=False)


def like(client, user, *items):
    events = [{"user_id": user, "item_id": item} for item in items]
    assert client.post("/v1/events", json={"events": events}).json()["accepted"] == len(items)


def listed(client, user, k=40):
    return {hit["item_id"]: hit for hit in client.get(f"/v1/recommend/{user}?k={k}").json()["items"]}


def assert_up_to_date(client, shop):
    """Assert that the service scores as a model fitted anew on the histories that it shows."""
    engine = client.app.state.deck.engine
    n = len(shop.items)
    users = {*engine.people.live, *shop.users.ids}
    liked = {user: engine.people[user].liked for user in users}
    pairs = [(row, item) for row, codes in enumerate(liked.values()) for item in codes if item < n]
    user, item = np.array(pairs, np.int32).T
    log = Interactions(user, item, np.ones(len(user), np.float32))
    anew = ItemKNN(shrink=1).fit(Dataset(IdMap(liked), shop.items, log, shop.catalogue))
    asked = Queries(anew.liked[:, :n], np.full(len(liked), -1, np.int32))
    told = counting_of(engine.model).score(asked)
    np.testing.assert_allclose(told, anew.score(asked), rtol=2e-5, atol=1e-7)


def test_what_one_likes_changes_what_another_is_recommended(known, url, cold):
    client = served(known, url)
    first, last = cold.items.ids[0], cold.items.ids[-1]
    like(client, "bob", first)
    assert last not in listed(client, "bob")
    like(client, "ann", first, last)
    hit = listed(client, "bob")[last]
    assert hit["score"] > 0
    assert [(reason["kind"], reason["of"]) for reason in hit["reasons"]] == [("liked", first)]
    assert hit["reasons"][0]["amount"] == pytest.approx(hit["score"], rel=1e-4)
    assert last in [found["item_id"] for found in client.get(f"/v1/similar/{first}?by=behaviour&k=40").json()["items"]]
    assert_up_to_date(client, cold)
    client.delete("/v1/users/ann")
    assert last not in listed(client, "bob")
    client.delete("/v1/users/user%203")
    like(client, "user 3", last)
    like(client, "user 4", last)
    assert_up_to_date(client, cold)
    client.app.state.live.close()


def test_a_list_is_kept_until_counts_change(known, url, cold):
    client = served(known, url)
    first, last = cold.items.ids[0], cold.items.ids[-1]
    like(client, "bob", first)
    assert listed(client, "bob") == listed(client, "bob")
    assert len(client.app.state.cache) == 1
    events = [{"user_id": "ann", "item_id": item, "weight": 0} for item in (first, last)]
    client.post("/v1/events", json={"events": events})  # what is not liked does not count
    assert (last in listed(client, "bob"), len(client.app.state.cache)) == (False, 1)
    like(client, "ann", first, last)
    assert last in listed(client, "bob")
    client.app.state.live.close()


def test_a_restart_and_another_service_come_to_the_same(known, url, cold, tmp_path):
    one = served(known, url)
    like(one, "ann", *cold.items.ids[:3], cold.items.ids[-1])
    like(one, "user 7", cold.items.ids[-1])
    one.delete("/v1/users/user%202")
    other = served(known, url)
    like(one, "bob", cold.items.ids[1])
    other.app.state.live.follower.catch_up()
    assert_up_to_date(other, cold)
    found = listed(one, "bob")
    assert listed(other, "bob") == found
    for client in (one, other):
        client.app.state.live.close()
    again = served(known, url)
    assert listed(again, "bob") == found
    assert_up_to_date(again, cold)
    again.app.state.live.close()


def test_posted_items_stand_over_the_counts(known, url, cold):
    client = served(known, url)
    assert client.put("/v1/items/lamp?wait=10", json={"title": "a red lamp", "price": 5}).status_code == 200
    model = counting_of(client.app.state.deck.engine.model)
    assert model is not None
    like(client, "ann", "lamp", cold.items.ids[0], cold.items.ids[-1])
    assert_up_to_date(client, cold)
    like(client, "bob", cold.items.ids[0])
    hits = listed(client, "bob")
    assert hits["lamp"]["reasons"][0]["kind"] == "new"
    assert hits[cold.items.ids[-1]]["score"] > 0
    assert client.put("/v1/items/mug?wait=10", json={"title": "a blue mug", "price": 5}).status_code == 200
    assert counting_of(client.app.state.deck.engine.model) is model
    assert_up_to_date(client, cold)
    client.app.state.live.close()
    again = served(known, url)
    assert listed(again, "bob").keys() == hits.keys() | {"mug"}
    assert_up_to_date(again, cold)
    again.app.state.live.close()


def test_a_bundle_that_is_exchanged_counts_what_the_store_has(cold, url, tmp_path):
    Bundle.of(Popularity().fit(cold), cold).save(tmp_path / "b")
    client = served(Bundle.open(tmp_path / "b"), url, counts=False)
    like(client, "ann", cold.items.ids[0], cold.items.ids[-1])
    client.delete("/v1/users/user%201")
    Bundle.of(ItemKNN(shrink=1).fit(cold), cold).save(tmp_path / "b")
    end = time.monotonic() + 20
    while counting_of(client.app.state.deck.engine.model) is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert_up_to_date(client, cold)
    like(client, "bob", cold.items.ids[0])
    assert cold.items.ids[-1] in listed(client, "bob")
    assert_up_to_date(client, cold)
    client.app.state.live.close()


def test_the_model_as_it_was_fitted_is_let_go_of(cold, url):
    bundle = Bundle.of(ItemKNN().fit(cold), cold)
    model = weakref.ref(bundle.model)
    client = served(bundle, url)
    del bundle
    gc.collect()
    assert model() is None
    client.app.state.live.close()


def test_others_stay_as_they_are(known, cold):
    assert can_count(known)
    assert not can_count(Bundle.of(ItemKNN(neighbours=5).fit(cold), cold))
    assert not can_count(Bundle.of(Popularity().fit(cold), cold))
    recipe = known.recipe.model_copy(update={"pseudo_labels": 2})
    assert not can_count(dataclasses.replace(known, recipe=recipe))


def test_a_service_whose_pairs_are_too_many_goes_on_without(known, url, monkeypatch, caplog):
    def refuse(*given):
        raise MemoryLimitError("item-knn could take 9,999 MB")

    monkeypatch.setattr("palate.serving.counting.refuse_too_many_pairs", refuse)
    client = served(known, url, counts=False)
    end = time.monotonic() + 20
    while "changes their own lists alone until 'palate refit': item-knn could take" not in caplog.text:
        assert time.monotonic() < end
        time.sleep(0.01)
    like(client, "ann", known.data.items.ids[0])
    assert listed(client, "ann")
    client.app.state.live.close()

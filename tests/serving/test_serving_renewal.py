"""A bundle that is exchanged on disk is taken up while people ask."""

from __future__ import annotations

import threading

import pytest
from fastapi.testclient import TestClient

from asking import wait_until
from palate.bundle import Bundle
from palate.bundle.grown import grown
from palate.core.errors import StoreError
from palate.data.store import Store
from palate.models import ItemKNN, Popularity
from palate.serving.app import create_app


@pytest.fixture
def place(shop, tmp_path):
    Bundle.of(Popularity().fit(shop), shop).save(tmp_path / "b")
    return tmp_path / "b"


@pytest.fixture
def app(place, tmp_path):
    app = create_app(Bundle.open(place), None, Store(f"sqlite:///{tmp_path / 'events.db'}"))
    yield app
    app.state.live.close()


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)


def model_of(client):
    return client.get("/ready").json()["model"]


def test_another_bundle_in_the_same_place_is_taken_up(client, place, shop):
    item = shop.items.ids[3]
    events = {"events": [{"user_id": "ann", "item_id": item}, {"user_id": "ann", "item_id": "lamp"}]}
    assert client.put("/v1/items/lamp?wait=30", json={"title": "a lamp", "price": 5}).status_code == 200
    assert client.delete(f"/v1/items/{shop.items.ids[5]}?wait=30").status_code == 200
    assert client.post("/v1/events", json=events).json()["accepted"] == 2
    assert client.delete("/v1/users/user 3").status_code == 200
    Bundle.of(ItemKNN().fit(shop), shop).save(place)
    wait_until(lambda: model_of(client) == "item-knn")
    answer = client.get("/v1/recommend/ann?k=20").json()
    assert answer["fallback"] is None
    assert item not in [hit["item_id"] for hit in answer["items"]]
    assert client.get("/v1/items/lamp").json()["title"] == "a lamp"
    assert client.get(f"/v1/items/{shop.items.ids[5]}").status_code == 404
    assert {event["item_id"] for event in client.get("/v1/users/ann/history").json()["events"]} == {item, "lamp"}
    assert client.get("/v1/recommend/user 3").json()["fallback"] == "popularity"
    assert client.post("/v1/events", json={"events": [{"user_id": "bob", "item_id": item}]}).json()["accepted"] == 1
    assert client.get("/v1/recommend/bob").json()["fallback"] is None
    assert client.put("/v1/items/mug?wait=30", json={"title": "a mug"}).status_code == 200


def test_a_bundle_with_other_items_and_people_is_taken_up(client, place, shop):
    posted = {"title": "a lamp"}
    assert client.put("/v1/items/lamp?wait=30", json=posted).status_code == 200
    assert client.post("/v1/events", json={"events": [{"user_id": "ann", "item_id": "lamp"}]}).json()["accepted"] == 1
    engine = client.app.state.deck.engine
    wide = engine.bundle.data.take_interactions(engine.bundle.data.interactions.item != 0)
    Bundle.of(ItemKNN().fit(wide), wide).save(place)
    wait_until(lambda: model_of(client) == "item-knn")
    assert client.app.state.deck.engine.people["ann"].seen.tolist() == [len(shop.items)]
    assert len(client.app.state.deck.engine.items) == len(shop.items) + 1
    assert client.get("/v1/items/lamp").json()["title"] == "a lamp"


def test_a_bundle_that_cannot_be_read_is_left_alone(client, place, shop, caplog):
    Bundle.of(ItemKNN().fit(shop), shop).save(place.with_name("other"))
    (place.with_name("other") / "histories.safetensors").write_bytes(b"broken")
    place.rename(place.with_name("before"))
    place.with_name("other").rename(place)
    wait_until(lambda: "is not taken up" in caplog.text)
    assert model_of(client) == "popularity"
    assert client.get("/v1/recommend/ann").status_code == 200
    Bundle.of(ItemKNN().fit(shop), shop).save(place)
    wait_until(lambda: model_of(client) == "item-knn")


def test_nobody_notices_the_exchange(client, place, shop):
    told, stop = [], threading.Event()

    def ask(user):
        while not stop.is_set():
            for path in (f"/v1/recommend/{user}?k=5", f"/v1/users/{user}/history", f"/v1/similar/{shop.items.ids[1]}"):
                told.append(client.get(path).status_code)  # noqa: PERF401
            event = {"user_id": user, "item_id": shop.items.ids[len(told) % len(shop.items)]}
            answer = client.post("/v1/events", json={"events": [event]})
            told.append(answer.status_code if answer.json()["accepted"] == 1 else 0)

    threads = [threading.Thread(target=ask, args=(f"user {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for kind, name in ((ItemKNN, "item-knn"), (Popularity, "popularity"), (ItemKNN, "item-knn")):
        Bundle.of(kind().fit(shop), shop).save(place)
        wait_until(lambda name=name: model_of(client) == name)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(told) > 30
    assert set(told) == {200}
    store = client.app.state.live.store
    assert len(store.since(0)) == len(told) // 4
    for number in range(3):
        seen = {event.item_id for event in store.history(f"user {number}", 10_000)}
        assert seen <= set(shop.items.decode(client.app.state.deck.engine.people[f"user {number}"].seen))


def test_who_is_erased_is_in_no_file_and_in_no_answer(client, place, shop, tmp_path):
    user = shop.users.ids[3]
    assert (
        client.post("/v1/events", json={"events": [{"user_id": user, "item_id": shop.items.ids[0]}]}).status_code == 200
    )
    before = client.app.state.deck.engine
    told = client.delete(f"/v1/users/{user}").json()
    assert told["events"] == 1
    assert told["bundle_events"] == int((shop.interactions.user == 3).sum())
    assert "train it again" in told["stays"]
    wait_until(lambda: client.app.state.deck.engine is not before)
    engine = client.app.state.deck.engine
    assert user not in engine.users
    assert client.get(f"/v1/users/{user}/history").status_code == 404
    assert client.get(f"/v1/recommend/{user}").json()["fallback"] == "popularity"
    assert client.app.state.live.store.since(0) == []
    assert user not in Bundle.open(place).data.users
    assert client.app.state.live.store.digest(user) == told["receipt"]


def test_what_a_renewed_bundle_has_learned_is_told_once(client, place, shop):
    live = client.app.state.live
    events = [{"event_id": "e1", "user_id": "ann", "item_id": shop.items.ids[0]}]
    assert client.post("/v1/events", json={"events": events}).json()["accepted"] == 1
    data = grown(shop.without_features(*shop.features), live.store).data
    Bundle.of(ItemKNN().fit(data), data).save(place)
    wait_until(lambda: model_of(client) == "item-knn")
    told = client.get("/v1/users/ann/history").json()["events"]
    assert [event["event_id"] for event in told] == ["e1"]
    assert live.store.erase("ann").events == 1
    live.follower.catch_up()
    assert client.get("/v1/users/ann/history").status_code == 404


def test_a_store_that_fails_while_a_bundle_is_taken_up_is_asked_again(client, place, shop, monkeypatch):
    catalogue, asked = client.app.state.live.catalogue, []
    change = catalogue.posts.change

    def failing(engine, since=None):
        if since == 0 and not asked.append(1) and len(asked) == 1:
            raise StoreError("the store is away")
        return change(engine, since)

    monkeypatch.setattr(catalogue.posts, "change", failing)
    monkeypatch.setattr("palate.serving.live_catalogue._AGAIN", 0.05)
    Bundle.of(ItemKNN().fit(shop), shop).save(place)
    wait_until(lambda: model_of(client) == "item-knn")
    assert len(asked) == 2


def test_who_is_erased_leaves_a_bundle_that_is_not_taken_up_yet(client, place, shop, monkeypatch):
    catalogue = client.app.state.live.catalogue
    monkeypatch.setattr(catalogue, "_renew", lambda: None)
    events = [{"user_id": "ann", "item_id": shop.items.ids[0]}]
    assert client.post("/v1/events", json={"events": events}).json()["accepted"] == 1
    data = grown(shop.without_features(*shop.features), client.app.state.live.store).data
    Bundle.of(ItemKNN().fit(data), data).save(place)
    told = client.delete("/v1/users/ann").json()
    assert (told["events"], told["bundle_events"]) == (1, 1)
    assert "ann" not in Bundle.open(place).data.users
    assert client.delete("/v1/users/nobody").json()["bundle_events"] == 0

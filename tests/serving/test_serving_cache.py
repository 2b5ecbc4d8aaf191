"""Answers that are kept are given again, and never once anything has changed."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from palate.bundle import Bundle
from palate.data.store import Store
from palate.models import ItemKNN, Popularity
from palate.serving import Engine, ServingSettings
from palate.serving.app import create_app
from palate.serving.cache import AnswerCache
from palate.serving.edition import Edition

PATH = "/v1/recommend/user%203?k=5&reasons=false"


@pytest.fixture(scope="module")
def known(shop):
    return Bundle.of(ItemKNN(neighbours=36).fit(shop), shop)  # with all neighbours it would go on counting


@pytest.fixture
def app(known, tmp_path):
    app = create_app(known, None, Store(f"sqlite:///{tmp_path / 'events.db'}"))
    yield app
    app.state.live.close()


@pytest.fixture
def client(app):
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def asked(monkeypatch):
    """Whom engines were asked for."""
    users, real = [], Engine.recommend_all

    def counted(self, wanted):
        users.extend(user for user, _ in wanted)
        return real(self, wanted)

    monkeypatch.setattr(Engine, "recommend_all", counted)
    return users


def listed(client, path=PATH):
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [hit["item_id"] for hit in answer.json()["items"]]


def test_the_same_question_is_answered_once(client, asked):
    assert listed(client) == listed(client)
    assert asked == ["user 3"]
    assert client.get(PATH).headers["content-type"] == "application/json"
    listed(client, PATH.replace("k=5", "k=6"))
    listed(client, PATH.replace("user%203", "user%204"))
    listed(client, "/v1/recommend/user%203?k=5")
    listed(client, "/v1/recommend/user%203?k=5")
    assert asked == ["user 3", "user 3", "user 4", "user 3"]


@pytest.mark.parametrize("user", ["user 3", "a stranger"])
def test_after_an_event_the_next_answer_is_new_for_that_person_alone(client, asked, user):
    mine = f"/v1/recommend/{user}?k=5"
    before = listed(client, mine)
    other = listed(client, "/v1/recommend/user%204?k=5")
    for item in before[:2]:
        assert client.post("/v1/events", json={"events": [{"user_id": user, "item_id": item}]}).json()["accepted"] == 1
        assert item not in listed(client, mine)
        assert listed(client, mine) == listed(client, mine)
    assert listed(client, "/v1/recommend/user%204?k=5") == other
    assert asked.count("user 4") == 1
    assert asked.count(user) == 3


def test_after_an_exchange_of_the_edition_the_next_answer_is_that_of_the_new_one(app, client, shop):
    before = listed(client)
    deck, live = app.state.deck, app.state.live
    deck.exchange(Edition.of(Bundle.of(Popularity().fit(shop), shop), deck.settings), live.follower)
    after = listed(client)
    assert after == [hit.item_id for hit in deck.engine.recommend("user 3", 5).items]
    assert after != before


def test_an_item_that_is_taken_away_does_not_come_again(client):
    gone, *_ = listed(client)
    assert client.delete(f"/v1/items/{gone}?wait=30").status_code in (200, 202)
    assert gone not in listed(client)


def test_after_an_erasure_nothing_is_left(app, client):
    listed(client)
    listed(client, "/v1/recommend/user%204?k=5")
    assert len(app.state.cache) == 2
    client.delete("/v1/users/user%203")
    assert client.get(PATH).json()["fallback"] == "popularity"
    assert len(app.state.cache) == 1


def test_an_event_that_another_service_accepted_counts_too(known, tmp_path):
    apps = [create_app(known, None, Store(f"sqlite:///{tmp_path / 'events.db'}")) for _ in range(2)]
    one, other = map(TestClient, apps)
    item, *_ = listed(one)
    other.post("/v1/events", json={"events": [{"user_id": "user 3", "item_id": item}]})
    apps[0].state.live.follower.catch_up()
    assert item not in listed(one)
    for app in apps:
        app.state.live.close()


def test_an_answer_that_was_overtaken_by_an_event_is_not_given_again(known):
    engine, cache = Engine(known), AnswerCache(1 << 20)
    place = cache.place(engine, "user 3", b"k=5")
    assert cache.get(place) is None
    engine.people.live["user 3"] = engine.people["user 4"]  # while the answer was sought
    cache.put(place, b"old")
    assert cache.get(cache.place(engine, "user 3", b"k=5")) is None
    place = cache.place(engine, "user 3", b"k=5")
    cache.put(place, b"new")
    assert cache.get(cache.place(engine, "user 3", b"k=5")) == b"new"


def test_an_answer_of_an_edition_that_is_gone_is_not_kept(known):
    old, new, cache = Engine(known), Engine(known), AnswerCache(1 << 20)
    place = cache.place(old, "user 3", b"")
    assert cache.get(place) is None
    assert cache.get(cache.place(new, "user 3", b"")) is None
    cache.put(place, b"old")
    assert cache.get(cache.place(new, "user 3", b"")) is None
    assert len(cache) == 0


def test_the_oldest_make_room(known):
    engine, cache = Engine(known), AnswerCache(2000)
    places = [cache.place(engine, f"user {n}", b"") for n in range(4)]
    for place in places[:3]:
        cache.get(place)
        cache.put(place, b"x" * 300)
    assert cache.get(places[0]) is not None
    cache.put(places[3], b"x" * 300)
    assert [cache.get(place) is not None for place in places] == [True, False, True, True]
    cache.put(places[0], b"x" * 5000)
    assert (len(cache), cache.size) == (0, 0)


def test_it_can_be_switched_off(known, asked):
    client = TestClient(create_app(known, ServingSettings(cache_mb=0)))
    assert listed(client) == listed(client)
    assert asked == ["user 3"] * 2


def test_what_is_wrong_is_not_kept(client, asked):
    for _ in range(2):
        assert client.get("/v1/recommend/user%203?history=x").status_code == 422
        assert client.get("/v1/recommend/user%203?k=many").status_code == 422
    assert asked == ["user 3"] * 2

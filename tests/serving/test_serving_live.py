"""Events that come in: durable, once, and known to the next answer."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient

from asking import wait_until
from palate.bundle import Bundle
from palate.core.errors import StoreError
from palate.data.store import Event, Store
from palate.interfaces import Queries
from palate.models import ItemKNN
from palate.serving import ServingSettings
from palate.serving.app import create_app
from palate.serving.intake import Intake


@pytest.fixture(scope="module")
def known(shop):
    return Bundle.of(ItemKNN(neighbours=36).fit(shop), shop)  # with all neighbours it would go on counting


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'events.db'}"


@pytest.fixture
def service(known, url):
    app = create_app(known, ServingSettings(max_events=50), Store(url))
    yield TestClient(app, raise_server_exceptions=False)
    app.state.live.close()


def post(client, *events, status=200):
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == status, answer.text
    return answer.json()


def listed(client, user, k=5):
    answer = client.get(f"/v1/recommend/{user}?k={k}").json()
    return [hit["item_id"] for hit in answer["items"]], answer["fallback"]


def test_an_event_changes_the_next_answer(service, known):
    item = known.data.items.ids[3]
    assert listed(service, "new")[1] == "popularity"
    assert post(service, {"user_id": "new", "item_id": item}) == {"accepted": 1, "duplicates": 0, "rejected": []}
    found, fallback = listed(service, "new")
    assert fallback is None
    assert item not in found
    scores = known.model.score(Queries.of_history([3], len(known.data.items)))[0]
    scores[3] = np.nan
    best = np.argsort(-np.nan_to_num(scores, nan=-1), kind="stable")[: len(found)]
    assert found == known.data.items.decode(best)


def test_what_is_met_does_not_come_again_though_it_is_not_liked(service, known):
    (first, *_), _ = listed(service, "user 3")
    post(service, {"user_id": "user 3", "item_id": first, "weight": -1})
    assert first not in listed(service, "user 3")[0]
    before = known.model.liked[[3]].indices
    assert set(service.app.state.deck.engine.people["user 3"].liked) == set(before)


def test_an_event_that_is_sent_again_counts_once(service, known):
    event = {"event_id": "e1", "user_id": "new", "item_id": known.data.items.ids[0]}
    assert post(service, event, event)["duplicates"] == 1
    assert post(service, event) == {"accepted": 0, "duplicates": 1, "rejected": []}
    assert len(service.app.state.live.store.since(0)) == 1


def test_without_an_id_every_event_is_new(service, known):
    event = {"user_id": "new", "item_id": known.data.items.ids[0]}
    assert post(service, event, event)["accepted"] == 2


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ("click", "an event is an object"),
        ({"item_id": "x"}, "user_id was absent: it must be a text that is not empty"),
        ({"user_id": "", "item_id": "x"}, "user_id was ''"),
        ({"user_id": 7, "item_id": "x"}, "user_id was 7"),
        ({"user_id": "u" * 10_000, "item_id": "x"}, "user_id has 10,000 characters: at most 512"),
        ({"user_id": "a\0b", "item_id": "x"}, "holds a character that no text has"),
        ({"user_id": "a\ud800", "item_id": "x"}, "holds a character that no text has"),
        ({"user_id": "ann", "item_id": "no such"}, "there is no item 'no such'"),
        ({"user_id": "ann", "item_id": "x", "weight": "4"}, "weight was '4': it must be a number"),
        ({"user_id": "ann", "item_id": "x", "weight": True}, "weight was True"),
        ({"user_id": "ann", "item_id": "x", "weight": 1e300}, "weight was 1e"),
        ({"user_id": "ann", "item_id": "x", "timestamp": -1}, "timestamp was -1: it must be unix seconds"),
        ({"user_id": "ann", "item_id": "x", "timestamp": 10**30}, "timestamp was 1000"),
        ({"user_id": "ann", "item_id": "x", "event_id": 5}, "event_id was 5"),
        ({"user_id": "ann", "item_id": "x", "kind": None}, "kind was absent"),
        ({"user_id": "ann", "item_id": "x", "colour": 1}, "the field 'colour' is unknown: allowed are event_id"),
    ],
)
def test_what_cannot_be_taken_is_told_and_the_others_are_kept(service, known, event, reason):
    good = {"user_id": "ann", "item_id": known.data.items.ids[0]}
    content = json.dumps({"events": [good, event, good]}).encode()
    told = service.post("/v1/events", content=content, headers={"content-type": "application/json"}).json()
    assert (told["accepted"], [each["index"] for each in told["rejected"]]) == (2, [1])
    assert reason in told["rejected"][0]["reason"]


def test_too_many_events_are_refused_whole(service, known):
    event = {"user_id": "ann", "item_id": known.data.items.ids[0]}
    assert "51 events came at once: send at most 50" in post(service, *[event] * 51, status=413)["error"]
    assert service.app.state.live.store.since(0) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b"[]", 422),
        (b'{"events": 3}', 422),
        (b'{"events": [], "x": 1}', 422),
        (b'{"events": [NaN]}', 200),
    ],
)
def test_a_body_that_cannot_be_read_is_told(service, body, status):
    answer = service.post("/v1/events", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status, answer.text


def test_a_request_that_is_too_large_is_refused_before_it_is_read(service):
    answer = service.post("/v1/events", content=b"x" * (2 << 20), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"][:29]) == (413, "the request is larger than 1,")

    def chunks():
        for _ in range(300):
            yield b"x" * 10_000

    answer = service.post("/v1/events", content=chunks(), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_a_history_holds_what_came_in(service, known):
    post(
        service, {"event_id": "e9", "user_id": "user 3", "item_id": known.data.items.ids[1], "timestamp": 2_000_000_000}
    )
    events = service.get("/v1/users/user%203/history?limit=3").json()["events"]
    assert (events[0]["event_id"], events[0]["kind"], events[0]["liked"]) == ("e9", "click", True)
    assert len(events) == 3
    post(service, {"user_id": "new", "item_id": known.data.items.ids[1]})
    assert len(service.get("/v1/users/new/history").json()["events"]) == 1


def test_who_is_erased_is_a_stranger_until_they_come_back(service, known):
    item = known.data.items.ids[1]
    post(service, {"user_id": "user 3", "item_id": item})
    told = service.delete("/v1/users/user%203").json()
    assert (told["events"], told["feedback"], told["keys"]) == (1, 0, 0)
    assert "user" not in told["receipt"]
    assert "user 3" not in [each["user_id"] for each in service.get("/v1/users?limit=100").json()["users"]]
    assert listed(service, "user%203")[1] == "popularity"
    assert service.get("/v1/users/user%203/history").status_code == 404
    post(service, {"user_id": "user 3", "item_id": item})
    assert [event["item_id"] for event in service.get("/v1/users/user%203/history").json()["events"]] == [item]


def test_feedback_is_kept_and_summed_up(service):
    for body in ({"satisfaction": 5, "text": "fine", "user_id": "ann"}, {"satisfaction": 2}):
        assert service.post("/v1/feedback", json=body).status_code == 201
    found = service.get("/v1/feedback/summary").json()
    assert (found["answers"], found["mean"]) == (2, 3.5)
    assert [said["text"] for said in found["newest"]] == ["fine"]
    assert "ann" not in str(found)
    for wrong in ({"satisfaction": 6}, {"satisfaction": "5"}, {"satisfaction": 3, "stars": 1}, {}):
        assert service.post("/v1/feedback", json=wrong).status_code == 422


def test_what_was_accepted_is_there_after_a_restart(known, url):
    first = create_app(known, None, Store(url))
    item = known.data.items.ids[3]
    client = TestClient(first)
    post(client, {"user_id": "new", "item_id": item})
    client.delete("/v1/users/user%205")
    expected = listed(client, "new")
    first.state.live.close()
    second = create_app(known, None, Store(url))
    assert listed(TestClient(second), "new") == expected
    assert listed(TestClient(second), "user%205")[1] == "popularity"
    second.state.live.close()


def test_two_services_on_one_store_follow_each_other(known, url):
    apps = [create_app(known, None, Store(url)) for _ in range(2)]
    one, other = (TestClient(app) for app in apps)
    post(one, {"user_id": "new", "item_id": known.data.items.ids[3]})
    apps[1].state.live.follower.catch_up()
    assert listed(other, "new") == listed(one, "new")
    other.delete("/v1/users/new")
    apps[0].state.live.follower.catch_up()
    assert listed(one, "new")[1] == "popularity"
    for app in apps:
        app.state.live.close()


def test_a_service_without_a_store_says_so(known):
    client = TestClient(create_app(known), raise_server_exceptions=False)
    answer = client.post("/v1/events", json={"events": []})
    assert (answer.status_code, "started without a store" in answer.json()["error"]) == (409, True)


def test_many_requests_share_a_transaction(known, url):
    store = Store(url)
    gate, together = threading.Event(), []
    append = store.append

    def slow(events):
        gate.wait(5)
        together.append(len(events))
        return append(events)

    store.append = slow
    followed = []
    intake = Intake(store, lambda: followed.append(len(together)))
    events = [[Event(f"e{n}", "ann", "i")] for n in range(30)]
    futures = [intake.events(batch) for batch in events]
    gate.set()
    assert [future.result(5) for future in futures] == [[True]] * 30
    assert sum(together) == 30
    assert len(together) <= 2
    intake.close()
    with pytest.raises(StoreError, match="the service is stopping"):
        intake.events(events[0]).result(1)
    store.close()


def test_who_goes_away_disturbs_nobody(url):
    store, gate = Store(url), threading.Event()
    intake = Intake(store, lambda: gate.wait(5) and None)
    gone, other = intake.events([Event("a", "ann", "i")]), intake.events([Event("b", "bob", "i")])
    assert not gone.cancel()
    gate.set()
    assert (gone.result(5), other.result(5)) == ([True], [True])
    assert intake.events([Event("c", "ann", "i")]).result(5) == [True]
    intake.close()
    store.close()


def test_what_cannot_be_followed_is_kept_and_the_next_are_taken(url, caplog):
    def fail():
        raise RuntimeError("a slip")

    store = Store(url)
    intake = Intake(store, fail)
    for name in ("a", "b"):
        assert intake.events([Event(name, "ann", "i")]).result(5) == [True]
    assert "this should not happen" in caplog.text
    intake.close()
    store.close()


def test_others_are_followed_again_after_a_slip(service, known, monkeypatch, caplog):
    live = service.app.state.live

    def slip():
        raise RuntimeError("a slip")

    monkeypatch.setattr(live.follower, "catch_up", slip)
    wait_until(lambda: "this should not happen" in caplog.text)
    monkeypatch.undo()
    live.store.append([Event("e", "other", known.data.items.ids[0])])
    wait_until(lambda: "other" in live.deck.engine.people)
    assert listed(service, "other")[1] is None


def test_a_store_that_fails_is_told_and_nothing_is_lost(service, known):
    store = service.app.state.live.store
    append, event = store.append, {"event_id": "e1", "user_id": "new", "item_id": known.data.items.ids[3]}

    def broken(events):
        raise StoreError("the disk is full: nothing of this was kept")

    store.append = broken
    assert "the disk is full" in post(service, event, status=503)["error"]
    store.append = append
    assert post(service, event)["accepted"] == 1


@pytest.mark.parametrize("text", ["a\0b", "a\ud800"])
def test_what_no_database_can_hold_is_refused(service, text):
    for body in ({"satisfaction": 3, "text": text}, {"satisfaction": 3, "user_id": text}):
        content = json.dumps(body).encode()
        answer = service.post("/v1/feedback", content=content, headers={"content-type": "application/json"})
        assert answer.status_code == 422
    assert service.delete("/v1/users/a%00b").status_code == 422


def test_a_store_that_does_not_answer_is_told_by_ready(service):
    assert service.get("/ready").status_code == 200

    def broken():
        raise StoreError("the store could not be used")

    service.app.state.live.store.check = broken
    assert service.get("/ready").status_code == 503
    assert service.get("/health").status_code == 200


def test_an_error_that_nobody_thought_of_is_told_and_the_next_are_served(service, known):
    store, event = service.app.state.live.store, {"user_id": "new", "item_id": known.data.items.ids[3]}
    append = store.append

    def broken(events):
        raise ZeroDivisionError

    store.append = broken
    assert post(service, event, status=500)["error"].startswith("this should not happen")
    store.append = append
    assert post(service, event)["accepted"] == 1

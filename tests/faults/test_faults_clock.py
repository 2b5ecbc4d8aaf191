"""A clock that jumps back and forth by hours: what is known does not go by it."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient

from palate.data.store import Store
from palate.serving import ServingSettings
from palate.serving.app import create_app

NOON = 1_900_000_000
JUMPS = (0, -5, 9, -24, 24 * 400, -24 * 3000, 1, 0, 0.0001, -0.0001)
"""Hours."""


class Clock:
    now = float(NOON)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(bundle, tmp_path, clock):
    app = create_app(bundle, None, Store(f"sqlite:///{tmp_path / 'events.db'}", clock))
    app.state.live.clock = clock
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def post(client, *events):
    answer = client.post("/v1/events", json={"events": list(events)})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_event_counts_from_the_next_answer_on(service, bundle, clock):
    met = set()
    for hours, item in zip(JUMPS, bundle.data.items.ids, strict=False):
        clock.now = NOON + hours * 3600
        assert post(service, {"event_id": item, "user_id": "ann", "item_id": item})["accepted"] == 1
        met.add(item)
        answer = service.get("/v1/recommend/ann?k=36").json()
        assert answer["fallback"] is None
        assert not met & {hit["item_id"] for hit in answer["items"]}
        assert post(service, {"event_id": item, "user_id": "ann", "item_id": item})["duplicates"] == 1
    events = service.get("/v1/users/ann/history").json()["events"]
    times = [event["timestamp"] for event in events]
    assert times == sorted(times, reverse=True)
    assert set(times) == {int(NOON + hours * 3600) for hours in JUMPS}
    accepted = [event.event_id for event in service.app.state.live.store.since(0)]
    assert accepted == list(bundle.data.items.ids[: len(JUMPS)]), "the order of acceptance is not that of the clock"
    at_noon = [event["event_id"] for event in events if event["timestamp"] == NOON]
    assert at_noon == sorted(at_noon, key=accepted.index, reverse=True), "of one second the last comes first"


def test_who_is_erased_before_they_came_is_erased(service, bundle, clock):
    item = bundle.data.items.ids[0]
    post(service, {"user_id": "ann", "item_id": item})
    clock.now -= 9 * 3600
    assert service.delete("/v1/users/ann").json()["events"] == 1
    assert service.get("/v1/users/ann/history").status_code == 404
    clock.now -= 9 * 3600
    post(service, {"user_id": "ann", "item_id": item})
    assert len(service.get("/v1/users/ann/history").json()["events"]) == 1


def test_feedback_and_items_go_on(service, clock):
    for hours in JUMPS:
        clock.now = NOON + hours * 3600
        assert service.post("/v1/feedback", json={"satisfaction": 3, "text": str(hours)}).status_code == 201
        assert service.put("/v1/items/new?wait=20", json={"title": f"Lamp of {hours}"}).status_code == 200
        assert service.get("/v1/items/new").json()["title"] == f"Lamp of {hours}"
    newest = service.get("/v1/feedback/summary").json()["newest"]
    assert [said["text"] for said in newest] == [str(hours) for hours in reversed(JUMPS)][: len(newest)]
    assert service.get("/ready").status_code == 200


def test_another_service_follows_by_the_order_of_acceptance(bundle, tmp_path, clock):
    url = f"sqlite:///{tmp_path / 'events.db'}"
    apps = [create_app(bundle, None, Store(url, clock)) for _ in range(2)]
    apps[0].state.live.clock = clock
    with TestClient(apps[0]) as one, TestClient(apps[1]) as other:
        for hours, item in zip(JUMPS, bundle.data.items.ids, strict=False):
            clock.now = NOON + hours * 3600
            post(one, {"user_id": "ann", "item_id": item})
            apps[1].state.live.follower.catch_up()
            end = time.monotonic() + 20  # each begins to count in the background
            while one.get("/v1/recommend/ann?k=36").json() != other.get("/v1/recommend/ann?k=36").json():
                assert time.monotonic() < end
                time.sleep(0.05)


def test_the_rate_of_requests_does_not_go_by_it(bundle, clock, monkeypatch):
    monkeypatch.setattr(time, "time", clock)
    app = create_app(bundle, ServingSettings(rate=0.01, burst=len(JUMPS)))
    with TestClient(app) as client:
        for hours in JUMPS:
            clock.now = NOON + hours * 3600
            assert client.get("/v1/recommend/ann").status_code == 200
        for hours in JUMPS:
            clock.now = NOON + hours * 3600
            answer = client.get("/v1/recommend/ann")
            assert answer.status_code == 429
            assert 0 < int(answer.headers["retry-after"]) <= 100

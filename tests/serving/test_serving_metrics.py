"""What a service counts of itself."""

from __future__ import annotations

import time

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from palate.core.errors import StoreError
from palate.data.store import Store
from palate.serving.app import create_app


@pytest.fixture
def service(bundle, tmp_path):
    app = create_app(bundle, None, Store(f"sqlite:///{tmp_path / 'events.db'}"))
    yield TestClient(app)
    app.state.live.close()


def scrape(client, **more):
    answer = client.get("/metrics", **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    return {(sample.name, *sorted(sample.labels.values())): sample.value for sample in samples}


def test_requests_are_counted_by_template(service):
    for user in ("a", "b", "user%200"):
        service.get(f"/v1/recommend/{user}")
    service.get("/v1/items/none")
    for path in ("/x", "/y/z", "/page/app.js", "/page/none.js"):
        service.get(path)
    service.request("BREW", "/v1/users")
    found = scrape(service)
    counts = {key[1:]: value for key, value in found.items() if key[0] == "palate_http_requests_total"}
    assert counts == {
        ("/v1/recommend/{user}", "200", "GET"): 3, ("/v1/items/{item}", "404", "GET"): 1, ("404", "GET", "unmatched"): 2,
        ("/page/{file}", "200", "GET"): 1, ("/page/{file}", "404", "GET"): 1, ("/v1/users", "405", "other"): 1,
    }  # fmt: skip
    assert found["palate_http_request_seconds_count", "/v1/recommend/{user}", "GET"] == 3
    assert 0 < found["palate_http_request_seconds_sum", "/v1/recommend/{user}", "GET"] < 60
    assert found["palate_http_request_seconds_bucket", "+Inf", "/v1/recommend/{user}", "GET"] == 3


def test_events_and_people_are_counted(service, bundle):
    before = scrape(service)
    assert before["palate_events_total", "accepted"] == 0
    item = bundle.data.items.ids[0]
    events = [
        {"event_id": "1", "user_id": "new", "item_id": item}, {"event_id": "1", "user_id": "new", "item_id": item},
        {"user_id": "user 0", "item_id": item}, {"user_id": "x"},
    ]  # fmt: skip
    assert service.post("/v1/events", json={"events": events}).status_code == 200
    found = scrape(service)
    assert [found["palate_events_total", outcome] for outcome in ("accepted", "duplicate", "rejected")] == [2, 1, 1]
    assert before["palate_people",] == len(bundle.data.users)
    assert found["palate_people",] == len(bundle.data.users) + 1
    service.delete("/v1/users/new")
    service.delete("/v1/users/user%200")
    assert scrape(service)["palate_people",] == len(bundle.data.users) - 1


def test_what_is_answered_from_is_told(service, bundle):
    found = scrape(service)
    assert found["palate_edition_items",] == len(bundle.data.items)
    assert found["palate_edition_users",] == len(bundle.data.users)
    assert 0 <= found["palate_edition_age_seconds",] < 300
    assert found["process_resident_memory_bytes",] > 1e6
    deck = service.app.state.deck
    deck.since -= 1000
    assert scrape(service)["palate_edition_age_seconds",] > 1000
    deck.exchange(deck.edition, service.app.state.live.follower)
    assert scrape(service)["palate_edition_age_seconds",] < 300


def test_a_store_that_fails_is_seen(service, monkeypatch):
    def lost(*_):
        raise StoreError("the store does not answer")

    live = service.app.state.live
    assert scrape(service)["palate_store_errors_total",] == 0
    monkeypatch.setattr(live.store, "check", lost)
    assert service.get("/ready").status_code == 503
    assert scrape(service)["palate_store_errors_total",] == 1
    monkeypatch.setattr(live.store, "since", lost)
    monkeypatch.setattr(live.store, "erased", lost)
    deadline = time.monotonic() + 30
    while live.troubles < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    found = scrape(service)
    assert found["palate_store_errors_total",] >= 3
    assert found["palate_follower_lag_seconds",] > 0.5


def test_where_there_are_keys_one_that_reads_is_wanted(bundle, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    keys = {
        "read": store.add_key("reader", ["read"]),
        "write": store.add_key("writer", ["write"]),
        "ann": store.add_key("ann", ["read"], "ann"),
    }
    app = create_app(bundle, None, store)
    client = TestClient(app)
    codes = {name: client.get("/metrics", headers={"x-api-key": key}).status_code for name, key in keys.items()}
    assert codes == {"read": 200, "write": 403, "ann": 403}
    assert client.get("/metrics").status_code == 401
    assert scrape(client, headers={"authorization": f"Bearer {keys['read']}"})["palate_people",] > 0
    app.state.live.close()


def test_a_service_without_a_store_counts_too(bundle):
    found = scrape(TestClient(create_app(bundle)))
    assert found["palate_edition_items",] == len(bundle.data.items)
    assert ("palate_follower_lag_seconds",) not in found

"""Who may ask for what."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from palate.data.store import Store
from palate.serving.app import create_app


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path / 'events.db'}")


@pytest.fixture
def keys(store):
    return {
        "reader": store.add_key("reader", ["read"]),
        "writer": store.add_key("writer", ["write"]),
        "admin": store.add_key("admin", ["read", "write", "admin"]),
        "ann": store.add_key("ann's", ["read", "write"], "user 3"),
    }


@pytest.fixture
def service(bundle, store, keys):
    app = create_app(bundle, None, store)
    yield TestClient(app, raise_server_exceptions=False)
    app.state.live.close()


def ask(client, method, path, key=None, **more):
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return client.request(method, path, headers=headers, **more)


EVENT = {"events": [{"user_id": "user 3", "item_id": "tea/0"}]}
OTHER = {"events": [{"user_id": "user 4", "item_id": "tea/0"}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("GET", "/v1/recommend/user%203", None, {"reader", "admin", "ann"}),
        ("GET", "/v1/recommend/user%204", None, {"reader", "admin"}),
        ("GET", "/v1/users/user%203/history", None, {"reader", "admin", "ann"}),
        ("GET", "/v1/users/user%204/history", None, {"reader", "admin"}),
        ("GET", "/v1/users", None, {"reader", "admin"}),
        ("GET", "/v1/similar/tea%2F0", None, {"reader", "admin", "ann"}),
        ("POST", "/v1/search", {"text": "tea"}, {"reader", "admin", "ann"}),
        ("POST", "/v1/search", {"text": "tea", "user": "user 4"}, {"reader", "admin"}),
        ("POST", "/v1/events", EVENT, {"writer", "admin", "ann"}),
        ("POST", "/v1/events", OTHER, {"writer", "admin"}),
        ("POST", "/v1/feedback", {"satisfaction": 3}, {"writer", "admin", "ann"}),
        ("POST", "/v1/feedback", {"satisfaction": 3, "user_id": "user 4"}, {"writer", "admin"}),
        ("GET", "/v1/feedback/summary", None, {"reader", "admin"}),
        ("DELETE", "/v1/users/user%209", None, {"admin"}),
    ],
)
def test_keys_open_what_they_are_for(service, keys, method, path, body, allowed):
    found = {name: ask(service, method, path, key, json=body).status_code for name, key in keys.items()}
    assert {name for name, status in found.items() if status < 300} == allowed, found
    assert {status for name, status in found.items() if name not in allowed} <= {403}
    for wrong in (None, "wrong", keys["admin"] + "x", keys["admin"][:-1]):
        answer = ask(service, method, path, wrong, json=body)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_bound_key_cannot_read_another_by_a_trick(service, keys):
    for path in ("user%203/../user%204", "user%203%2F..%2Fuser%204", "user 4", "%75ser%204", "user%204%00", "USER%204"):
        answer = ask(service, "GET", f"/v1/users/{path}/history", keys["ann"])
        assert answer.status_code in (403, 404), path
        assert "events" not in answer.json()


def test_whether_the_service_is_there_may_be_asked_without_a_key(service):
    assert [ask(service, "GET", path).status_code for path in ("/health", "/ready")] == [200, 200]


def test_a_key_may_come_in_a_header_of_its_own(service, keys):
    assert service.get("/v1/recommend/user%203", headers={"x-api-key": keys["reader"]}).status_code == 200


def test_keys_that_are_added_or_taken_back_count_soon(service, store, keys):
    new = store.add_key("new", ["read"])
    store.remove_key("reader")
    service.app.state.keys.refresh()
    assert ask(service, "GET", "/v1/recommend/user%203", new).status_code == 200
    assert ask(service, "GET", "/v1/recommend/user%203", keys["reader"]).status_code == 401


def test_keys_are_in_no_answer_and_in_no_file(service, store, keys, tmp_path):
    answers = "".join(
        ask(service, "GET", path, key).text
        for key in keys.values()
        for path in ("/v1/users", "/ready", "/openapi.json")
    )
    assert not any(key in answers for key in keys.values())
    assert not any(key.encode() in file.read_bytes() for key in keys.values() for file in tmp_path.iterdir())


def test_a_bound_key_explains_to_its_person_alone(service, keys):
    for user, status in (("user 3", 200), ("user 4", 403)):
        answer = service.post(
            "/v1/explain", json={"user": user, "item": "tea/0"}, headers={"Authorization": f"Bearer {keys['ann']}"}
        )
        assert answer.status_code == status, answer.text


def test_a_service_stays_shut_when_its_last_key_is_taken_back(service, store, keys):
    for key in list(store.known_keys().values()):
        store.remove_key(key.name)
    service.app.state.keys.refresh()
    for key in (None, *keys.values()):
        assert ask(service, "GET", "/v1/recommend/user%203", key).status_code == 401


def test_the_key_of_who_is_erased_opens_nothing_from_then_on(service, keys):
    assert ask(service, "DELETE", "/v1/users/user%203", keys["admin"]).json()["keys"] == 1
    assert ask(service, "GET", "/v1/recommend/user%203", keys["ann"]).status_code == 401

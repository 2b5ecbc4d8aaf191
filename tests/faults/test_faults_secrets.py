"""Keys stay secret, and one that is bound to a person tells nothing of another, by whatever road."""

from __future__ import annotations

import json

import httpx
import pytest
from fastapi.testclient import TestClient

from palate.data.store import Store, store_of
from palate.serving.app import create_app
from services import served

OTHER = "user 4"


@pytest.fixture
def store(tmp_path):
    return Store(f"sqlite:///{tmp_path / 'events.db'}")


@pytest.fixture
def service(bundle, store):
    store.key = store.add_key("ann's", ["read", "write", "admin"], "user 3")
    app = create_app(bundle, None, store)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def headed(store):
    return {"authorization": f"Bearer {store.key}"}


def bodies(path):
    """Requests of every shape that name the other."""
    yield {"params": {"user": OTHER, "user_id": OTHER}}
    yield {"json": {"text": "tea", "user": OTHER}}
    yield {"data": {"text": "tea", "user": OTHER}, "files": {"image": ("x.png", b"x")}}
    yield {"json": {"user": OTHER, "item": "tea/0", "k": 3}}
    yield {"json": {"requests": [{"user": "user 3"}, {"user": OTHER}]}}
    yield {"json": {"events": [{"user_id": "user 3", "item_id": "tea/0"}, {"user_id": OTHER, "item_id": "tea/0"}]}}
    yield {"json": {"satisfaction": 3, "user_id": OTHER}}


def test_a_bound_key_gets_nothing_of_another_by_any_route(service, store):
    """Routes that come later are held to it as well: those that name a person refuse, and no answer is another's."""
    asked, refused = 0, set()
    for path, operations in service.get("/openapi.json").json()["paths"].items():
        for method in operations:
            if "{item}" in path and method != "get":
                continue
            for body in bodies(path):
                url = path.replace("{user}", "user%204").replace("{item}", "tea%2F0").replace("{column}", "photo")
                answer = service.request(method, url, headers=headed(store), **body)
                asked += 1
                named = "{user}" in path or path in ("/v1/users", "/v1/feedback/summary", "/metrics")
                if answer.status_code == 403:
                    refused.add((method, path))
                assert answer.status_code == 403 or not named, (method, path, answer.text)
                assert OTHER not in answer.text
    assert asked > 60
    assert {path for _, path in refused} >= {
        "/v1/explain",
        "/v1/search",
        "/v1/events",
        "/v1/feedback",
        "/v1/recommend:batch",
        "/v1/users/{user}/history",
    }
    assert store.since(0) == []


@pytest.mark.parametrize(
    "host", ["x/v1/search?", "x/health?", "x/v1/recommend/user%203?", "x/page/#", "x\\health?", "x/../health?a="]
)
def test_the_host_that_a_sender_names_opens_nothing(service, store, host):
    for method, path, body in (
        ("GET", "/v1/users", None), ("GET", "/v1/feedback/summary", None), ("GET", "/v1/users/user%204/history", None),
        ("DELETE", "/v1/users/user%204", None), ("POST", "/v1/events", {"events": [{"user_id": OTHER, "item_id": "tea/0"}]}),
    ):  # fmt: skip
        answer = service.request(method, path, headers={**headed(store), "host": host}, json=body)
        assert answer.status_code in (400, 403), (path, answer.text)
        assert service.request(method, path, headers={"host": host}, json=body).status_code in (400, 401)


@pytest.mark.parametrize(
    "path",
    ["/v1/users/", "/v1/users?query=", "//v1/users", "/v1/users//history", "/v1/users/user 3/../user 4/history", "/v1/users/USER 4/history",
     "/v1/users/user%204%00/history", "/v1/users/user%203%00user%204/history", "/v1/users/user+4/history", "/v1/recommend/user 4",
     "/v1/recommend/user%204/", "/v1/recommend//user 4", "/v1/users/user%203/history/../../user%204/history", "/v1/feedback/summary/"],
)  # fmt: skip
def test_no_spelling_of_a_path_leads_to_another(service, store, path):
    answer = service.get(path, headers=headed(store))
    assert answer.status_code in (403, 404, 405), answer.text
    assert list(answer.json()) == ["error"]


def test_keys_are_in_no_line_and_in_no_answer(folder, tmp_path):
    store = Store(store_of(folder))
    keys = [store.add_key("admin", ["read", "write", "admin"]), store.add_key("bound", ["read"], "user 3")]
    wrong = f"palate-{'w' * 32}"
    store.close()
    settings = tmp_path / "settings.toml"
    settings.write_text('log = "json"\n')
    answers = []
    with served(folder, "--settings", settings) as service, httpx.Client(base_url=service.url) as client:
        for key in (*keys, wrong):
            for headers in (
                {"authorization": f"Bearer {key}"},
                {"authorization": f"Basic {key}"},
                {"authorization": key},
                {"x-api-key": key},
                {"x-request-id": key},
                {"cookie": f"key={key}"},
            ):
                for method, path, body in (
                    ("GET", f"/v1/recommend/user%203?key={key}", None),
                    ("GET", f"/v1/recommend/{key}", None),
                    ("GET", f"/nowhere/{key}", None),
                    ("GET", "/metrics", None),
                    ("DELETE", "/v1/users/nobody", None),
                    ("POST", "/v1/events", {"events": [{"user_id": "ann", "item_id": "no such", key: 1}]}),
                    ("POST", "/v1/search", {"text": 3}),
                    ("GET", "/v1/recommend/user%203?k=many", None),
                ):
                    answer = client.request(method, path, headers=headers, json=body)
                    assert answer.status_code < 500
                    given = key in path or (body and key in json.dumps(body))
                    answers.append("" if given else answer.text + str(answer.headers))
        said = service.said()
    assert len(said.splitlines()) > len(answers), "a line for each request"
    for key in (*keys, wrong):
        assert key not in said
        assert key not in "".join(answers)
        assert key.encode() not in b"".join(file.read_bytes() for file in folder.with_name("b.live").iterdir())

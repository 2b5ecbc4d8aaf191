"""What a service writes of requests, and what it never writes."""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from palate.core.errors import ConfigError, StoreError
from palate.data.store import Store
from palate.serving.app import create_app
from palate.serving.logs import logging_to


@pytest.fixture
def service(bundle, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    secret = store.add_key("shop front", ["read", "write", "admin"])
    app = create_app(bundle, None, store)
    app.state.secret = secret
    yield TestClient(app, headers={"x-api-key": secret})
    app.state.live.close()


@pytest.fixture
def lines(tmp_path):
    """Returns what was written, as JSON."""
    with logging_to("json", tmp_path / "log"):
        yield lambda: [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def test_each_request_is_a_line(service, lines):
    assert service.get("/v1/recommend/user%200?k=2").status_code == 200
    assert service.get("/v1/items/none").status_code == 404
    service.get("/no/such/path")
    service.get("/page/app.js")
    service.get("/openapi.json")
    service.post("/v1/search", json={"text": "lamp"})
    told = lines()
    assert [(line["method"], line["route"], line["status"]) for line in told] == [
        ("GET", "/v1/recommend/{user}", 200), ("GET", "/v1/items/{item}", 404), ("GET", "unmatched", 404),
        ("GET", "/page/{file}", 200), ("GET", "/openapi.json", 200), ("POST", "/v1/search", 200),
    ]  # fmt: skip
    first = told[0]
    assert set(first) == {"time", "level", "message", "request_id", "method", "route", "status", "seconds", "key"}
    assert (first["key"], first["level"], first["message"]) == ("shop front", "info", "answered")
    assert 0 < first["seconds"] < 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first["time"])


def test_the_id_of_a_request_is_taken_where_it_is_well_formed(service, lines):
    given = service.get("/health", headers={"x-request-id": "shop-42/a:b"})
    assert given.headers["x-request-id"] == "shop-42/a:b"
    for wrong in ("a b", "x" * 129, "", '"><script>', "é"):
        made = service.get("/health", headers={"x-request-id": wrong.encode()}).headers["x-request-id"]
        assert re.fullmatch("[0-9a-f]{32}", made)
    assert lines()[0]["request_id"] == "shop-42/a:b"
    assert len({line["request_id"] for line in lines()}) == 6
    refused = service.get("/v1/users", headers={"x-api-key": "wrong"})
    assert refused.status_code == 401
    assert refused.headers["x-request-id"] == lines()[-1]["request_id"]


def test_a_key_that_may_not_is_named(service, lines):
    reader = service.app.state.live.store.add_key("reader", ["read"])
    service.app.state.keys.refresh()
    assert service.delete("/v1/users/x", headers={"x-api-key": reader}).status_code == 403
    assert [(line["key"], line["status"]) for line in lines()] == [("reader", 403)]


def test_what_nobody_expected_is_told_with_its_traceback(service, lines, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError(f"a bug near {service.app.state.secret}")

    monkeypatch.setattr(service.app.state.deck.edition.showcase, "users", broken)
    answer = service.get("/v1/users")
    assert answer.status_code == 500
    made = answer.headers["x-request-id"]
    assert answer.json() == {
        "error": f"this should not happen (ZeroDivisionError): the service's log tells more under the id {made}"
    }
    error, line = lines()
    assert (error["level"], error["request_id"], error["route"]) == ("error", made, "/v1/users")
    assert "ZeroDivisionError: a bug near palate-…" in error["traceback"]
    assert (line["status"], line["request_id"]) == (500, made)


def test_what_the_service_lacks_is_told(service, lines, monkeypatch):
    def lost():
        raise StoreError("the store does not answer")

    monkeypatch.setattr(service.app.state.live.store, "check", lost)
    assert service.get("/ready").status_code == 503
    assert (lines()[0]["status"], lines()[0]["problem"]) == (503, "the store does not answer")


@pytest.mark.parametrize("form", ["json", "text", "none"])
def test_keys_are_never_written(service, tmp_path, form, monkeypatch):
    def broken(*_):
        raise RuntimeError(f"no answer for {secret}")

    secret = service.app.state.secret
    with logging_to(form, tmp_path / "log"):
        for headers in (
            {"authorization": f"Bearer {secret}"}, {"authorization": secret}, {"x-api-key": f"{secret}x"}, {"cookie": secret},
            {"x-request-id": secret}, {"x-key": secret}, {"user-agent": secret}, {"content-type": secret},
            {"x-request-id": f"a{secret}"},
        ):  # fmt: skip
            answer = service.get("/v1/users", headers=headers)
            assert secret not in answer.headers["x-request-id"]
        service.get(f"/v1/users?query={secret}&key={secret}")
        for path in (
            f"/{secret}",
            f"/v1/recommend/{secret}",
            f"/v1/items/{secret}",
            f"/page/{secret}",
            f"/v1/media/{secret}/x",
        ):
            service.get(path)
            service.get(quote(path))
        service.request(secret, "/v1/users")
        service.post("/v1/events", json={"events": [{"user_id": secret, "item_id": secret}]})
        service.post("/v1/search", content=secret)
        monkeypatch.setattr(service.app.state.deck.edition.showcase, "users", broken)
        assert service.get("/v1/users").status_code == 500
    written = (tmp_path / "log").read_text()
    assert secret not in written
    assert secret.removeprefix("palate-") not in written
    assert "no answer for palate-…" in written


def test_lines_for_people(service, tmp_path):
    with logging_to("text", tmp_path / "log"):
        service.get("/health")
    assert re.fullmatch(
        r"\S+Z info answered: request_id=[0-9a-f]{32} method=GET route=/health status=200 seconds=\S+\n",
        (tmp_path / "log").read_text(),
    )


def test_without_lines_of_requests_warnings_are_written(service, tmp_path, capsys):
    with logging_to("none"):
        service.get("/health")
        logging.getLogger("palate.serving").warning("something is odd")
    logging.getLogger("palate.serving.requests").info("nobody listens any more")
    assert capsys.readouterr().err.count("\n") == 1
    with (
        pytest.raises(ConfigError, match=r"log_file was .*cannot be written"),
        logging_to("json", tmp_path / "a" / "b"),
    ):
        pass

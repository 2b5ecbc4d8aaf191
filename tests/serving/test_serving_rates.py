"""How many requests one may send, and from which pages."""

from __future__ import annotations

import numpy as np
import pytest
from fastapi.testclient import TestClient

from palate.core.errors import ConfigError
from palate.data.store import Store
from palate.serving import ServingSettings
from palate.serving.app import create_app
from palate.serving.rates import Buckets


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    real = Buckets.__init__
    monkeypatch.setattr(Buckets, "__init__", lambda self, rate, burst: real(self, rate, burst, made))
    return made


def served(bundle, store=None, **settings):
    return create_app(bundle, ServingSettings(**settings), store)


def test_buckets_are_those_of_tokens():
    """Against tokens that are counted."""
    clock, rng = Clock(), np.random.default_rng(0)
    buckets = Buckets(2.5, 4, clock)
    tokens, at = 4.0, clock.now
    allowed = 0
    for pause in rng.exponential(0.3, 3000):
        clock.now += float(pause)
        tokens, at = min(4.0, tokens + 2.5 * (clock.now - at)), clock.now
        wait = buckets.wait("ann")
        assert (wait == 0) == (tokens >= 1 - 1e-6)
        assert wait == pytest.approx(max(0, (1 - tokens) / 2.5), abs=1e-6)
        if not wait:
            tokens, allowed = tokens - 1, allowed + 1
    assert 2.4 < allowed / (clock.now - 1000) < 2.6


def test_buckets_take_bounded_memory():
    clock = Clock()
    buckets = Buckets(1, 1, clock, most=100)
    for number in range(1000):
        assert buckets.wait(str(number)) == 0
    assert len(buckets) == 100
    assert buckets.wait("999") > 0
    assert buckets.wait("0") == 0


def test_a_clock_that_goes_back_shuts_nobody_out_for_long():
    clock = Clock()
    buckets = Buckets(1, 2, clock)
    buckets.wait("ann")
    clock.now -= 3600
    assert buckets.wait("ann") > 0
    clock.now += 3601
    assert buckets.wait("ann") == 0


def test_too_many_are_told_when_to_come_again(bundle, clock):
    client = TestClient(served(bundle, rate=0.5, burst=3))
    codes = [client.get("/v1/users").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    answer = client.get("/v1/users")
    assert answer.headers["retry-after"] == "2"
    assert answer.json() == {"error": "too many requests: ask again in 2 s, and at most 0.5 times a second"}
    assert "x-request-id" in answer.headers
    assert client.get("/health").status_code == client.get("/ready").status_code == 200
    clock.now += 2
    assert [client.get("/v1/users").status_code for _ in range(2)] == [200, 429]


def test_each_key_and_each_address_has_its_own(bundle, clock, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'events.db'}")
    first, second = store.add_key("first", ["read"]), store.add_key("second", ["read"])
    app = served(bundle, store, rate=1, burst=2)

    def ask(key, address="1.2.3.4"):
        client = TestClient(app, client=(address, 5000))
        return client.get("/v1/users", headers={"x-api-key": key}).status_code

    assert [ask(first) for _ in range(3)] == [200, 200, 429]
    assert [ask(second) for _ in range(3)] == [200, 200, 429]
    assert [ask(f"wrong {number}") for number in range(3)] == [401, 401, 429]
    assert ask("wrong", "1.2.3.5") == 401
    assert ask(first, "1.2.3.5") == 429
    assert [ask("wrong", f"2001:db8::{number:x}") for number in range(3)] == [401, 401, 429]
    assert ask("wrong", "2001:db8:0:1::1") == 401
    app.state.live.close()


def test_a_body_is_not_read_of_those_who_ask_too_often(bundle, clock):
    client = TestClient(served(bundle, rate=1, burst=1))
    assert client.post("/v1/search", json={"text": "lamp"}).status_code == 200

    def body():
        yield b"x"
        raise AssertionError("it was read")

    assert client.get("/v1/users").status_code == 429
    vast = {"content-length": str(10**12), "content-type": "multipart/form-data; boundary=x"}
    assert client.post("/v1/search", content=b"", headers=vast).status_code == 429


def test_without_a_rate_all_are_let(client):
    assert {client.get("/v1/users").status_code for _ in range(200)} == {200}


def test_other_origins_may_ask_where_that_is_set(bundle, client):
    origin = {"origin": "https://shop.example"}
    assert "access-control-allow-origin" not in client.get("/v1/users", headers=origin).headers
    preflight = {**origin, "access-control-request-method": "POST", "access-control-request-headers": "x-api-key"}
    assert client.options("/v1/events", headers=preflight).status_code == 405
    app = TestClient(served(bundle, origins=("https://shop.example",)))
    answer = app.get("/v1/users", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in answer.headers
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    asked = app.options("/v1/events", headers=preflight)
    assert asked.status_code == 200
    assert "x-api-key" in asked.headers["access-control-allow-headers"].lower()
    stranger = app.get("/v1/users", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers
    assert app.options("/v1/events", headers={**preflight, "origin": "https://evil.example"}).status_code == 400


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/", "https://*.example", "", "null"])
def test_what_is_no_origin_is_told(origin):
    with pytest.raises(ConfigError, match="is no origin: write scheme and host alone"):
        ServingSettings.of({"origins": [origin]})

"""Requests by the thousand, some that the interface allows, some that it forbids, some of chance alone: none is a 5xx."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.python.asgi import get_client, shutdown_lifespans

from palate.data.store import Store
from palate.serving.app import create_app

MANY = pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])
HARSH = (
    "", " ", "\0", "\x1b[0m", "é", "🍵", "\ud800", "a" * 5000, "..", "/", "../../etc/passwd", "%2e%2e%2f", "%", "'", '"', "\\", ";--",
    "NaN", "-1", "0", "1e400", "9" * 40, "true", "null", "[]", "{}", "price < 5", "user 3", "tea/0", "photo", "sound",
)  # fmt: skip
VALUES = (
    *HARSH,
    None,
    True,
    -1,
    0,
    1,
    3,
    2**31,
    2**63,
    10**30,
    0.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    {"a": {}},
)
NAMES = (
    "events", "event_id", "user_id", "item_id", "kind", "weight", "timestamp", "satisfaction", "text", "user", "k", "filter", "by",
    "weights", "exclude", "history", "image", "sound", "users", "data", "x",
)  # fmt: skip
HEADS = (
    "content-type",
    "range",
    "authorization",
    "x-api-key",
    "accept",
    "if-none-match",
    "x-request-id",
    "content-encoding",
    "origin",
)
KINDS = ("application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencoded", "")


@pytest.fixture(scope="module")
def app(bundle, tmp_path_factory):
    made = create_app(bundle, None, Store(f"sqlite:///{tmp_path_factory.mktemp('schema') / 'events.db'}"))
    yield made
    shutdown_lifespans()


@pytest.mark.parametrize("n", [150, MANY])
def test_requests_that_the_interface_tells_of(app, n):
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    statuses = Counter()
    cases = st.one_of(schema.as_strategy(GenerationMode.POSITIVE), schema.as_strategy(GenerationMode.NEGATIVE))
    with get_client(app) as session:

        @seed(0)
        @settings(
            max_examples=n,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases)
        def none_fails(case):
            answer = case.call(session=session)
            statuses[answer.status_code] += 1
            assert answer.status_code < 500, f"{case.as_curl_command()}\n{answer.text}"

        none_fails()
    assert sum(statuses.values()) >= n * 0.9
    assert statuses[200] > n / 20, statuses
    assert statuses[422] > n / 20, statuses


@pytest.mark.parametrize("n", [150, MANY])
def test_requests_of_chance(client, n):
    rng = np.random.default_rng(n)
    paths = [path for path in client.get("/openapi.json").json()["paths"] if path not in ("/docs",)]
    statuses = Counter()
    for _ in range(n):
        request = _request(rng, paths)
        answer = client.request(**request)
        statuses[answer.status_code] += 1
        assert answer.status_code < 500, (request, answer.text)
    assert len(statuses) >= 4, statuses


def _request(rng, paths):
    from urllib.parse import quote

    def one(values):
        return values[int(rng.integers(len(values)))]

    path = one(paths)
    while "{" in path:
        before, _, after = path.partition("{")
        path = before + quote(one(HARSH).encode(errors="replace"), safe=one(["", "/", "%"])) + after.partition("}")[2]
    query = {one(NAMES): one(HARSH).encode(errors="replace") for _ in range(int(rng.integers(4)))}
    request = {
        "method": one(["GET", "GET", "POST", "POST", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
        "url": path, "params": query,
        "headers": {one(HEADS): one(HARSH).encode(errors="replace").translate(None, b"\0\n\r\x1b") for _ in range(2)},
    }  # fmt: skip
    if request["method"] in ("POST", "PUT", "PATCH"):
        request["content"] = _body(rng, one)
        request["headers"]["content-type"] = one(KINDS)
    return request


def _body(rng, one):
    thing = {one(NAMES): one(VALUES) for _ in range(int(rng.integers(1, 6)))}
    if rng.random() < 0.4:
        thing = {"events": [{one(NAMES): one(VALUES) for _ in range(4)} for _ in range(int(rng.integers(4)))]}
    if rng.random() < 0.3:
        thing = {
            "text": "tea",
            **{name: one(VALUES) for name in ("k", "filter", "user", "weights", "by") if rng.random() < 0.3},
        }
    content = json.dumps(thing, ensure_ascii=bool(rng.integers(2))).encode(errors="surrogatepass")
    chance = rng.random()
    if chance < 0.1:
        return content[: int(rng.integers(len(content)))]
    if chance < 0.2:
        return content.replace(b'"', rng.bytes(2), 1)
    if chance < 0.3:
        return (
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + rng.bytes(50) + b"\r\n--x--"
        )
    return content

"""Bytes as no client of good will sends them, to a service in a process of its own."""

from __future__ import annotations

import json
import socket
import threading
import time

import httpx
import pytest

from services import served

EVENT = json.dumps({"events": [{"user_id": "ann", "item_id": "tea/0"}]}).encode()


@pytest.fixture(scope="module")
def service(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wire") / "b"
    bundle.save(folder)
    with served(folder) as service:
        yield service
        assert "Traceback" not in service.said()


def line(service):
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def exchange(service, content, patience=0.4):
    """Send bytes, and return what comes back until the other side closes or falls silent."""
    with line(service) as sent:
        sent.settimeout(patience)
        answer = b""
        try:
            sent.sendall(content)
            while chunk := sent.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionError):
            return answer
    return answer


def request(method, path, *heads, body=b""):
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), b"Host: x", b"Connection: close", *heads, b"", body])


def post(*heads, body=EVENT):
    return request("POST", "/v1/events", b"Content-Type: application/json", *heads, body=body)


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.") else None


def still_well(service):
    begun = time.monotonic()
    assert httpx.get(f"{service.url}/v1/recommend/user%203?k=3", timeout=5).status_code == 200
    return time.monotonic() - begun


@pytest.mark.parametrize(
    ("content", "allowed"),
    [
        (post(b"Content-Length: 5"), {400, 422}),
        (post(b"Content-Length: 99999999"), {413}),
        (post(b"Content-Length: 100000"), {400, None}),
        (post(b"Content-Length: -1"), {400}),
        (post(b"Content-Length: 1e3"), {400}),
        (post(b"Content-Length: " + b"9" * 400), {400, 413}),
        (post(b"Content-Length: 10", b"Content-Length: 20"), {400}),
        (post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), {400, 422}),
        (post(b"Transfer-Encoding: chunked", body=b"zz\r\nabc\r\n0\r\n\r\n"), {400}),
        (post(b"Transfer-Encoding: chunked", body=b"-5\r\nabc\r\n0\r\n\r\n"), {400}),
        (post(b"Transfer-Encoding: chunked", body=b"ffffffffffffffffff\r\nabc\r\n"), {400, None}),
        (post(b"Transfer-Encoding: chunked", body=b"a\r\n"), {400, None}),
        (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), {400, 422, 501}),
        (post(b"Content-Encoding: gzip", b"Content-Length: 4", body=b"\x1f\x8b\x08\0"), {400, 422}),
        (request("GET", "/v1/recommend/x", b"X: " + b"y" * (1 << 20)), {400, 431}),
        (request("GET", "/v1/recommend/x", *(b"X-%d: y" % n for n in range(20_000))), {400, 431}),
        (request("GET", "/v1/recommend/" + "x" * (1 << 20)), {400, 414, 431}),
        (request("GET", "/v1/recommend/x?" + "&".join(f"k{n}=1" for n in range(100_000))), {400, 414, 431}),
        (request("GET", "/v1/recommend/a\0b"), {400}),
        (request("GET", "/v1/recommend/\x7f"), {200, 400}),
        (request("GET", "/v1/recommend/x", b"A: b\0c"), {400}),
        (request("GET", "/v1/recommend/x", b"A\x80: b"), {400}),
        (b"GET /v1/recommend/x\r\n\r\n", {400}),
        (b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n", {200, 400, 505}),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400, None}),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 404, 405, 505}),
        (b"\0" * 100_000, {400}),
        (b"\r\n" * 1000, {400, None}),
        (b"", {None}),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else "",
)  # fmt: skip
def test_bytes_that_are_no_request(service, content, allowed):
    assert status(exchange(service, content)) in allowed
    still_well(service)


def test_a_body_in_chunks_without_end_is_cut_off(service):
    with line(service) as sent:
        sent.sendall(post(b"Transfer-Encoding: chunked", body=b""))
        chunk, written = b"10000\r\n" + b"x" * 65536 + b"\r\n", 0
        try:
            for _ in range(400):
                sent.sendall(chunk)
                written += 65536
            answer = sent.recv(65536)
        except ConnectionError:  # it was closed while we wrote
            answer = b""
    assert status(answer) in (413, None)
    assert written < 20 << 20
    still_well(service)


@pytest.mark.parametrize(
    "path",
    [
        "/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page/%2e%2e%2fapp.py", "/page//etc/passwd", "/page/%2fetc%2fpasswd",
        "/page/..%5capp.py", "/page/%c0%ae%c0%ae/app.py", "/page/....//app.py", "/page/app.js%00.css", "/page/", "/page",
        "/../../../../etc/passwd", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "http://x/etc/passwd", "/..;/etc/passwd",
        "/v1/media/../../../etc/passwd", "/v1/media/..%2f..%2f..%2fetc%2fpasswd/photo", "/v1/media/tea%2F0/..%2f..%2fmanifest.json",
        "/v1/media/tea%2F0/photo%00", "/v1/media/tea%2F0/photo/../../../dataset.toml", "/v1/media//etc/passwd/photo",
        "/v1/media/tea%2F0/%2e%2e", "/v1/items/..%2f..%2fetc%2fpasswd", "/v1/items/%2e%2e/%2e%2e", "/v1/items//etc/passwd",
        "/v1/users/..%2f..%2fb.live%2fevents.db/history", "/v1/users/../../etc/passwd/history", "/v1/similar/..%2f..",
    ],
)  # fmt: skip
def test_paths_lead_nowhere_else(service, path):
    answer = exchange(service, request("GET", path))
    assert status(answer) in (307, 400, 404)
    for secret in (b"root:", b"def create_app", b"SQLite format", b'"format"', b"item_id ="):
        assert secret not in answer


def test_a_client_that_sends_half_a_request_keeps_nobody_waiting(service):
    halves = [
        b"",
        b"GET /v1/rec",
        request("GET", "/v1/recommend/x")[:-3],
        post(b"Content-Length: 75")[:-10],
        post(b"Transfer-Encoding: chunked", body=b"40\r\n{"),
    ]
    lines = [line(service) for _ in range(100)]
    for number, each in enumerate(lines):
        each.sendall(halves[number % len(halves)])
    took = [still_well(service) for _ in range(20)]
    assert sorted(took)[10] < 1
    for each in lines:
        each.close()
    still_well(service)


def test_a_slow_client_is_answered_and_keeps_nobody_waiting(service):
    content = post(b"Content-Length: %d" % len(EVENT))
    told = []

    def slowly():
        with line(service) as sent:
            for letter in content:
                sent.sendall(bytes([letter]))
                time.sleep(0.002)
            answer = b""
            while chunk := sent.recv(1):
                answer += chunk
            told.append(answer)

    clients = [threading.Thread(target=slowly) for _ in range(10)]
    for each in clients:
        each.start()
    took = [still_well(service) for _ in range(10)]
    for each in clients:
        each.join(30)
    assert sorted(took)[5] < 1
    assert [status(answer) for answer in told] == [200] * 10
    assert all(answer.endswith(b'{"accepted":1,"duplicates":0,"rejected":[]}') for answer in told)


def test_a_client_that_goes_away_leaves_no_trace(service):
    for content in (
        request("GET", "/v1/recommend/user%203?k=36"),
        request("GET", "/v1/media/tea%2F0/photo"),
        request("GET", "/openapi.json"),
        post(b"Content-Length: %d" % len(EVENT)),
        post(b"Content-Length: %d" % (len(EVENT) + 100)),
        post(b"Transfer-Encoding: chunked", body=b"40\r\n{"),
        request("POST", "/v1/search", b"Content-Type: application/json", b"Content-Length: 100", body=b'{"text'),
        request(
            "POST",
            "/v1/search",
            b"Content-Type: multipart/form-data; boundary=x",
            b"Content-Length: 9000",
            body=b"--x\r\n",
        ),
        request(
            "POST", "/v1/search", b"Content-Type: application/json", b"Content-Length: 15", body=b'{"text": "tea"}'
        ),
    ):
        for pause in (0, 0, 0.001, 0.01):
            with line(service) as sent:
                sent.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # closed by a reset
                sent.sendall(content)
                time.sleep(pause)
    still_well(service)
    assert "Traceback" not in service.said()

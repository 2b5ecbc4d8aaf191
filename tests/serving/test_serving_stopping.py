"""A service under a real process: slow senders, and being told to stop."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest

from palate.data.store import Store

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")


@contextmanager
def served(bundle, folder, **settings):
    """Serve a bundle; yields the process, its host and its port, and ends it whatever happens."""
    bundle.save(folder)
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    env |= {f"PALATE_SERVE_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-c", "from palate.cli import main; main()", "serve", str(folder), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env,
    )  # fmt: skip
    try:
        port = int(re.search(r":(\d+) ", process.stdout.readline())[1])
        yield process, ("127.0.0.1", port)
    finally:
        process.kill()
        process.communicate()


def ask(where, path="/health", body=None):
    request = urllib.request.Request(f"http://{where[0]}:{where[1]}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def head(length):
    return f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n".encode()


def until_closed(line, seconds=30.0):
    """Return what comes, and after how many seconds the connection closed."""
    line.settimeout(seconds)
    began, told = time.monotonic(), b""
    while chunk := line.recv(4096):
        told += chunk
    return told, time.monotonic() - began


def test_a_request_in_flight_is_finished_when_the_service_is_told_to_stop(bundle, tmp_path):
    item = bundle.data.items.ids[0]
    body = json.dumps(
        {"events": [{"event_id": f"e{n}", "user_id": "ann", "item_id": item} for n in range(40)]}
    ).encode()
    with served(bundle, tmp_path / "b") as (process, where), socket.create_connection(where) as line:
        idle = socket.create_connection(where)
        line.sendall(head(len(body)) + body[:100])
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(where, timeout=1).close()
            except OSError:
                break
            time.sleep(0.05)
        with pytest.raises(OSError):
            socket.create_connection(where, timeout=1)
        assert process.poll() is None
        for start in range(100, len(body), 300):
            line.sendall(body[start : start + 300])
            time.sleep(0.05)
        told, _ = until_closed(line)
        out, err = process.communicate(timeout=30)
        idle.close()
    assert told.startswith(b"HTTP/1.1 200")
    assert json.loads(told.partition(b"\r\n\r\n")[2])["accepted"] == 40
    assert process.returncode == 0
    assert out.splitlines()[-1] == "stopped"
    assert err == ""
    assert [file.name for file in (tmp_path / "b.live").iterdir()] == ["events.db"]
    store = Store(f"sqlite:///{tmp_path / 'b.live' / 'events.db'}")
    assert len(store.history("ann", 100)) == 40
    store.close()


def test_one_that_takes_too_long_is_cut_off_when_the_service_is_told_to_stop(bundle, tmp_path):
    with served(bundle, tmp_path / "b", drain_seconds=1) as (process, where), socket.create_connection(where) as line:
        line.sendall(head(1000) + b"{")
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert time.monotonic() - began < 15
    assert process.returncode == 0


def test_slow_senders_are_cut_off_and_stop_nobody(bundle, tmp_path):
    with served(bundle, tmp_path / "b", head_seconds=1, body_seconds=1) as (_, where):
        lines = {
            "says nothing": b"", "half a head": b"GET /health HTTP/1.1\r\nHost:", "half a body": head(5000) + b"{",
        }  # fmt: skip
        open_ = {name: socket.create_connection(where) for name in lines}
        for name, content in lines.items():
            open_[name].sendall(content)
        stop = threading.Event()

        def drip(line):
            while not stop.wait(0.2):
                try:
                    line.sendall(b" ")
                except OSError:
                    return

        dripping = [threading.Thread(target=drip, args=(open_[name],)) for name in lines if name != "says nothing"]
        for thread in dripping:
            thread.start()
        assert ask(where) == {"status": "ok"}
        told = {}
        for name, line in open_.items():
            try:
                told[name], seconds = until_closed(line, 20)
            except ConnectionResetError:
                told[name], seconds = b"", 0
            assert seconds < 10
        stop.set()
        for thread in dripping:
            thread.join()
        for line in open_.values():
            line.close()
        assert told["says nothing"] == told["half a head"] == b""
        assert told["half a body"].startswith(b"HTTP/1.1 408")
        assert b"did not come within 1 s" in told["half a body"]
        assert ask(where) == {"status": "ok"}


def test_one_connection_serves_many_requests_and_a_late_second_head_is_cut_off(bundle, tmp_path):
    with served(bundle, tmp_path / "b", head_seconds=1) as (_, where), socket.create_connection(where) as line:
        line.settimeout(20)
        for _ in range(3):
            line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            told = b""
            while not told.endswith(b'{"status":"ok"}'):
                told += line.recv(4096)
            time.sleep(0.7)  # together longer than a head may take
        line.sendall(b"GET /heal")
        rest, seconds = until_closed(line)
        assert rest == b""
        assert 0.3 < seconds < 10


def test_lines_of_requests_are_written_to_standard_error(bundle, tmp_path):
    with served(bundle, tmp_path / "b", log="json") as (process, where):
        ask(where)
        with socket.create_connection(where) as line:
            line.sendall(b"no request at all\r\n\r\n")
            until_closed(line)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    told = [json.loads(line) for line in err.splitlines()]
    assert [(line.get("route"), line["level"]) for line in told] == [("/health", "info"), (None, "warning")]
    assert told[1]["message"] == "Invalid HTTP request received."

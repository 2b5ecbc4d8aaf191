from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager

import pytest

from palate.core.errors import RequestError
from palate.serving.server import address, listen


def test_it_listens_on_this_machine_only():
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.org", ""):
        with pytest.raises(RequestError, match="no keys are configured"):
            listen(host, 0)


def test_with_keys_it_listens_anywhere():
    with listen("0.0.0.0", 0, lambda: True) as listener:
        assert listener.getsockname()[0] == "0.0.0.0"


def test_a_port_in_use_is_told_of():
    with listen("127.0.0.1", 0) as first:
        port = int(address(first).rpartition(":")[2])
        with pytest.raises(RequestError, match=f"port {port} on 127.0.0.1 is in use: .*--port"):
            listen("127.0.0.1", port)
    with pytest.raises(RequestError, match="from 0 to 65535"):
        listen("127.0.0.1", 99999)


def palate(*words, **options):
    command = [sys.executable, "-c", "from palate.cli import main; main()", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_serve_checks_the_port_before_anything_is_read():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = palate("serve", "no-such-bundle", "--port", port)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert err.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use" in err


@contextmanager
def served(bundle, folder):
    """Serve a bundle from a folder; yields the process and its address, and ends it whatever happens."""
    bundle.save(folder)
    process = palate("serve", folder, "--port", "0", env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        yield process, process.stdout.readline().split(" is served at ")[1].split()[0]
    finally:
        process.kill()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_serve_answers_and_stops_at_ctrl_c(bundle, tmp_path):
    with served(bundle, tmp_path / "b") as (process, where):
        assert f"curl '{where}/v1/recommend/user%200?k=3'" in process.stdout.readline()
        kept = f"what people do is kept in {tmp_path}/b.live/events.db"
        assert process.stdout.readline() == f"{kept}\n"
        with urllib.request.urlopen(f"{where}/v1/recommend/user%200?k=3", timeout=30) as answer:
            assert len(json.load(answer)["items"]) == 3
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "stopped\n", "")
    assert [file.name for file in (tmp_path / "b.live").iterdir()] == ["events.db"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_service_that_is_told_to_end_lets_go_of_its_store(bundle, tmp_path):
    with served(bundle, tmp_path / "b") as (process, where):
        body = json.dumps({"events": [{"user_id": "ann", "item_id": bundle.data.items.ids[0]}]}).encode()
        asked = urllib.request.Request(f"{where}/v1/events", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert json.load(answer)["accepted"] == 1
        process.terminate()
        process.communicate(timeout=20)
    assert [file.name for file in (tmp_path / "b.live").iterdir()] == ["events.db"]


def test_answers_do_not_wait_for_the_other_side_to_acknowledge():
    async def delays():
        seen = asyncio.Queue()
        with listen("127.0.0.1", 0) as listener:
            server = await asyncio.start_server(lambda _, writer: seen.put_nowait(writer), sock=listener)
            _, writer = await asyncio.open_connection(*listener.getsockname())
            accepted = await seen.get()
            off = accepted.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for each in (writer, accepted, server):
                each.close()
        return off

    assert asyncio.run(delays())


def test_what_is_loaded_is_left_out_of_the_search_for_garbage():
    import gc

    from palate.serving.server import settle

    before = gc.get_freeze_count()
    try:
        settle()
        assert gc.get_freeze_count() > before + 1000
    finally:
        gc.unfreeze()

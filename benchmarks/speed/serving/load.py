"""Requests from another process: by wrk where it is installed, else by a small client of our own."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

COLOURS = ("red", "green", "blue", "grey")


@dataclass(frozen=True)
class Load:
    """What came of some seconds of requests; milliseconds."""

    rate: float
    p50: float
    p99: float


def generator() -> str:
    """Return what makes the requests."""
    return "wrk" if shutil.which("wrk") else "a client in Python (install wrk for one that takes less of the machine)"


def put_under(port: int, what: str, seconds: int, connections: int, users: int = 20_000) -> Load:
    """Ask for `what` (constant, list, filter, reasons, or so many events a request) for some seconds."""
    place = Path(__file__).parent
    start = random.randrange(users)
    if shutil.which("wrk"):
        told = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "30s", "-s", place / "ask.lua", f"http://127.0.0.1:{port}/",
             "--", what, str(start), str(users)],
            check=True, capture_output=True, text=True,
        ).stdout.splitlines()[-1]  # fmt: skip
    else:
        words = [sys.executable, __file__, str(port), what, str(seconds), str(connections), str(start), str(users)]
        told = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    found = json.loads(told)
    assert not found["wrong"], f"{found['wrong']} requests of '{what}' failed"
    return Load(found["requests"] / found["seconds"], found["p50"], found["p99"])


def asked(what: str, n: int, users: int) -> bytes:
    """Return the n-th request."""
    user = f"/v1/recommend/{quote(f'user {7 * n % users}')}?k=20"
    if what == "filter":
        where = f"price < {20 + n % 180} and colour != '{COLOURS[n % 4]}'"
        user += f"&reasons=false&filter={quote(where)}"
    path = {"constant": "/constant", "list": f"{user}&reasons=false", "reasons": user, "filter": user}.get(what)
    if path is not None:
        return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    each = int(what)
    events = [
        {"user_id": f"user {7919 * (n * each + i) % users}", "item_id": f"item {104729 * (n * each + i) % 50_000}"}
        for i in range(each)
    ]
    body = json.dumps({"events": events}).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connection(port: int, what: str, until: float, numbers: list[int], users: int, spans: list[float]) -> int:
    """Ask over one connection, one after the other; returns how many went wrong."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    wrong = 0
    while time.perf_counter() < until:
        numbers[0] += 1
        began = time.perf_counter()
        writer.write(asked(what, numbers[0], users))
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.partition(b":")[2]))
        spans.append(1000 * (time.perf_counter() - began))
        wrong += not head.startswith(b"HTTP/1.1 200")
    writer.close()
    return wrong


async def main() -> None:
    port, what, seconds, connections, start, users = sys.argv[1:]
    began = time.perf_counter()
    numbers, spans = [int(start)], []
    until = began + int(seconds)
    each = [connection(int(port), what, until, numbers, int(users), spans) for _ in range(int(connections))]
    wrong = sum(await asyncio.gather(*each))
    took = time.perf_counter() - began
    spans.sort()
    p50, p99 = (spans[int(share * (len(spans) - 1))] for share in (0.5, 0.99))
    print(json.dumps({"requests": len(spans), "seconds": took, "wrong": wrong, "p50": p50, "p99": p99}))


if __name__ == "__main__":
    asyncio.run(main())

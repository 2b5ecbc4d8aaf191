"""How fast the service answers beside an endpoint of the same application that returns a constant.

    python benchmarks/speed/serving/measure.py [--seconds 4] [--rounds 3] [--publish]

A generated shop of 50,000 items and 20,000 people with 50 likes each; the model is als with 64 factors. The server is a process of
its own, the requests come from another by 16 connections, each for another person, and nothing is kept of answers. Ratios are of
the medians of rounds in turn with the constant, since machines have moods. Prints a page; `--publish` writes it to docs/results/serving.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from load import Load, generator, put_under
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from world import write_bundle

from palate.bundle import Bundle
from palate.core.state import State
from palate.data.store._schema import EVENTS
from palate.serving.server import address, listen

ROOT = Path(__file__).resolve().parents[3]
ITEMS, USERS, CONNECTIONS = 50_000, 20_000, 16
COMMAND = "from palate.cli import main; main()"
ROW = ("event_id", "user_id", "item_id", "kind", "weight", "timestamp")


def free_port() -> int:
    with listen("127.0.0.1", 0) as listener:
        return int(address(listener).rpartition(":")[2])


def get(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.loads(answer.read())


@contextmanager
def running(words: Sequence[Any], port: int) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a server; yields its process and the seconds until /ready answered."""
    began = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                get(f"http://127.0.0.1:{port}/ready")
                break
            except OSError:
                assert process.poll() is None, "the server ended"
                time.sleep(0.02)
        yield process, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def loads(port: int, seconds: int, rounds: int) -> dict[str, Load]:
    """Return the medians of each kind of request."""
    kinds = ("constant", "list", "filter", "reasons")
    for kind in kinds:
        put_under(port, kind, 1, CONNECTIONS, USERS)
    found = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind in kinds:
            found[kind].append(put_under(port, kind, seconds, CONNECTIONS, USERS))
    return {
        kind: Load(*(statistics.median(values) for values in zip(*((x.rate, x.p50, x.p99) for x in each), strict=True)))
        for kind, each in found.items()
    }


def changes(port: int, tries: int = 50) -> tuple[float, int]:
    """Return the median milliseconds from an accepted event to an answer that knows of it, and in how many tries it was the next."""
    spans, next_ones = [], 0
    for number in range(tries):
        url = f"http://127.0.0.1:{port}/v1/recommend/{quote(f'user {number}')}?k=20&reasons=false"
        item = get(url)["items"][0]["item_id"]
        event = {"events": [{"user_id": f"user {number}", "item_id": item}]}
        assert get(f"http://127.0.0.1:{port}/v1/events", event)["accepted"] == 1
        began = time.perf_counter()
        after = get(url)
        spans.append(1000 * (time.perf_counter() - began))
        next_ones += item not in [hit["item_id"] for hit in after["items"]]
    return statistics.median(spans), next_ones


def bare_rate(rows: Sequence[Sequence[Any]], each: int, folder: Path) -> float:
    """Return the rows a second that SQLite takes in transactions of `each`, by the same table and settings as the store's."""
    connection = sqlite3.connect(folder / f"bare-{each}.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    dialect = sqlite.dialect()
    for made in (CreateTable(EVENTS), *map(CreateIndex, EVENTS.indexes)):
        connection.execute(str(made.compile(dialect=dialect)))
    add = f"INSERT INTO {EVENTS.name} ({', '.join(ROW)}) VALUES (?, ?, ?, ?, ?, ?)"
    began = time.perf_counter()
    for start in range(0, len(rows), each):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(add, rows[start : start + each])
        connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return len(rows) / took


def events(port: int, store: Path, each: int, seconds: int, folder: Path) -> tuple[float, float]:
    """Return how many events a second the service takes in, so many a request, and how many of the same rows SQLite alone does."""
    with sqlite3.connect(store) as connection:
        before = connection.execute(f"SELECT coalesce(max(cursor), 0) FROM {EVENTS.name}").fetchone()[0]
        load = put_under(port, str(each), seconds, CONNECTIONS, USERS)
        query = f"SELECT {', '.join(ROW)} FROM {EVENTS.name} WHERE cursor > ? ORDER BY cursor"
        rows = connection.execute(query, (before,)).fetchall()
    return each * load.rate, bare_rate(rows[: max(each, min(len(rows), 1000 * each))], each, folder)


def array_bytes(path: Path) -> int:
    """Return the bytes of a bundle's arrays: the model, the histories, the events."""
    log = Bundle.open(path).data.interactions
    kept = [State.load(path, name).arrays.values() for name in ("model", "histories")]
    columns = [log.user, log.item, log.weight, *(() if log.time is None else (log.time,))]
    return sum(array.nbytes for arrays in (*kept, columns) for array in arrays)


def started(path: Path, tries: int = 5) -> tuple[float, int]:
    """Return the median seconds until `palate serve` is ready, and the bytes it holds after it has answered."""
    seconds, held = [], []
    for _ in range(tries):
        port = free_port()
        words = [sys.executable, "-c", COMMAND, "serve", path, "--port", port, "--store", "none"]
        with running(words, port) as (process, took):
            seconds.append(took)
            for number in range(20):
                get(f"http://127.0.0.1:{port}/v1/recommend/{quote(f'user {number}')}?k=20&reasons=false")
            held.append(psutil.Process(process.pid).memory_info().rss)
    return statistics.median(seconds), int(statistics.median(held))


def machine() -> str:
    name = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    gigabytes = psutil.virtual_memory().total / (1 << 30)
    busy = psutil.getloadavg()[0]
    return (
        f"{psutil.cpu_count()} cores of {name}, {gigabytes:.0f} GB, {platform.system()}, Python {platform.python_version()}; "
        f"load {busy:.1f} before; requests by {generator()}"
    )


def verdict(value: float, goal: float, at_most: bool = False) -> str:
    return "yes" if (value < goal if at_most else value >= goal) else "**no**"


def page(facts: dict[str, Any]) -> str:
    load: dict[str, Load] = facts["loads"]
    constant = load["constant"]
    rows = [
        f"| {name} | {each.rate:,.0f} | {each.rate / constant.rate:.0%} | {each.p50:.1f} | {each.p99:.1f} | {each.p99 / constant.p99:.1f} |"
        for name, each in (
            ("a constant", constant), ("`k=20`, without reasons", load["list"]), ("the same with a filter of its own", load["filter"]),
            ("with reasons", load["reasons"]),
        )
    ]  # fmt: skip
    ready, held, small, arrays = facts["ready"], facts["held"], facts["small"], facts["arrays"]
    share = (held - small) / arrays
    span, next_ones, tries = facts["changes"]
    taken = [
        f"| {each} | {ours:,.0f} | {bare:,.0f} | {ours / bare:.0%} | {verdict(ours / bare, 0.5)} |"
        for each, (ours, bare) in facts["events"].items()
    ]
    goals = [
        ("throughput beside the constant's, at least 50 %", load["list"].rate / constant.rate, "{:.0%}", 0.5, False),
        ("p99 beside the constant's, under 5 times", load["list"].p99 / constant.p99, "{:.1f}", 5, True),
        ("throughput with filters, at least 35 %", load["filter"].rate / constant.rate, "{:.0%}", 0.35, False),
        ("start to ready, under 3 s", ready, "{:.2f} s", 3, True),
        ("memory beside the arrays', under 2 times", share, "{:.2f}", 2, True),
    ]
    lines = [
        f"| {what} | {form.format(value)} | {verdict(value, goal, most)} |" for what, value, form, goal, most in goals
    ]
    return "\n".join([
        "# The speed of the service", "",
        "Made by `benchmarks/speed/serving/measure.py --publish`; nothing here was typed. A generated shop of "
        f"{ITEMS:,} items and {USERS:,} people with 50 likes each, `als` with 64 factors, exact scores of all items. The server is a "
        f"process of its own, {CONNECTIONS} connections ask from another, each time for another person; no answers are kept. The constant is "
        "an endpoint of the same application that returns as many bytes. Medians of rounds in turn.", "",
        f"The machine: {facts['machine']}.", "",
        "| asked for | requests a second | beside the constant | p50 ms | p99 ms | p99 beside the constant |", "|---|---|---|---|---|---|", *rows, "",
        "| goal | measured | reached |", "|---|---|---|", *lines, "",
        f"From an accepted event to an answer that knows of it: the next answer in {next_ones} of {tries} tries, {span:.1f} ms after.", "",
        f"`palate serve` holds {held / (1 << 20):.0f} MB after it has answered, {small / (1 << 20):.0f} MB with a bundle of next to nothing; "
        f"the arrays of the bundle (model, histories, events) are {arrays / (1 << 20):.0f} MB. Memory is what it holds beyond the latter "
        "bundle.", "",
        "| events a request | the service, events a second | SQLite alone | beside it | at least 50 % |", "|---|---|---|---|---|", *taken, "",
        "SQLite alone has the same rows in the same table with the same settings (WAL, synced), a transaction for each request's rows, one "
        "after the other; the service writes in one transaction what comes at the same time.", "",
    ])  # fmt: skip


def measured(seconds: int, rounds: int, said: Callable[[str], None]) -> dict[str, Any]:
    facts: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory(prefix="palate-speed-") as name:
        folder = Path(name)
        big = write_bundle(folder / "big.palate", ITEMS, USERS)
        small = write_bundle(folder / "small.palate", 200, 50, 10, 8)
        facts["arrays"] = array_bytes(big)
        said("starting")
        facts["ready"], facts["held"] = started(big)
        _, facts["small"] = started(small, 3)
        port, store = free_port(), folder / "events.db"
        words = [sys.executable, Path(__file__).parent / "server.py", big, port, f"sqlite:///{store}"]
        with running(words, port):
            said("asking")
            facts["loads"] = loads(port, seconds, rounds)
            facts["changes"] = (*changes(port), 50)
            said("events")
            facts["events"] = {each: events(port, store, each, seconds, folder) for each in (1, 100, 1000)}
    return facts


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--publish", action="store_true")
    given = parser.parse_args()
    told = page(measured(given.seconds, given.rounds, lambda what: print(f"{what} …", file=sys.stderr)))
    print(told)
    if given.publish:
        (ROOT / "docs" / "results" / "serving.md").write_text(told, encoding="utf-8")


if __name__ == "__main__":
    main()

"""Threads that write events to a service, and hold what it said against what its store has."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager

import numpy as np

from palate import Client, ServiceError
from palate.data.store import Store


class Writer(threading.Thread):
    """Sends events until it is stopped, and keeps the ids of those of which the service said that it has them."""

    def __init__(self, url, name, items):
        super().__init__(daemon=True)
        self.url, self.label, self.items = url, name, items
        self.sent, self.had, self.troubles = 0, [], []
        self.stopping = threading.Event()

    def run(self):
        rng = np.random.default_rng(len(self.label))
        with Client(self.url, retries=40, timeout=30) as client:
            while not self.stopping.is_set():
                ids = [f"{self.label} {self.sent + number}" for number in range(rng.integers(1, 20))]
                events = [
                    {"event_id": each, "user_id": self.label, "item_id": str(rng.choice(self.items))} for each in ids
                ]
                self.sent += len(ids)
                try:
                    taken = client.events(events)
                except ServiceError as error:
                    self.troubles.append(error)
                else:
                    assert taken.accepted + taken.duplicates == len(ids)
                    self.had += ids

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive()


@contextmanager
def written_to(url, items, n=4):
    """Write to a service from several threads for as long as the block lasts."""
    writers = [Writer(url, f"writer {number}", items) for number in range(n)]
    for writer in writers:
        writer.start()
    try:
        yield writers
    finally:
        for writer in writers:
            writer.stop()


def every_event_is_there_once(url, writers):
    """Hold what the store has against what the service said that it took."""
    store = Store(url)
    kept = Counter(event.event_id for event in store.since(0, 1_000_000))
    store.close()
    had = [each for writer in writers for each in writer.had]
    assert len(had) > 0
    assert [each for each in had if kept[each] != 1] == []
    assert max(kept.values()) == 1
    assert set(kept) <= {f"{writer.label} {number}" for writer in writers for number in range(writer.sent)}
    return len(had)

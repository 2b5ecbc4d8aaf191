"""Bundles are exchanged, and items come and go, under everybody's hands: no request fails."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

from asking import wait_until
from palate import Client, ServiceError
from palate.bundle import Bundle
from palate.data.store import store_of
from palate.models import EASE, ItemKNN, Popularity
from services import served
from writers import every_event_is_there_once, written_to

SOAK = [pytest.mark.soak, pytest.mark.timeout(1800)]


class Reader(threading.Thread):
    """Asks for everything in turn until it is stopped, and keeps what went wrong."""

    def __init__(self, url, number, items):
        super().__init__(daemon=True)
        self.url, self.number, self.items = url, number, items
        self.asked, self.troubles = 0, []
        self.stopping = threading.Event()

    def run(self):
        rng = np.random.default_rng(self.number)
        with Client(self.url, retries=0, timeout=30) as client:
            for ask in itertools.cycle(
                (
                    lambda user, item: client.recommend(user, k=5, filter="price < 30").items[0],
                    lambda user, item: client.recommend(user, k=5, history=[item], diversity=0.3).items[0],
                    lambda user, item: (
                        client.recommend_batch([user, {"user": user, "exclude": [item]}]).answers[1].items[0]
                    ),
                    lambda user, item: client.similar(item, k=5).items[0],
                    lambda user, item: client.search("green lamp", k=5, by="words").items[0],
                    lambda user, item: client.history(user).events[0],
                    lambda user, item: client.users("user").users[0],
                    lambda user, item: client.item(item).title,
                    lambda user, item: client.media("tea/0", "photo")[0],
                    lambda user, item: client.ready().model,
                )
            ):
                if self.stopping.is_set():
                    return
                try:
                    ask(f"user {rng.integers(40)}", str(rng.choice(self.items)))
                except (ServiceError, IndexError, AttributeError) as error:
                    self.troubles.append(error)
                self.asked += 1
                time.sleep(0.002)


@pytest.mark.parametrize("swaps", [3, pytest.param(60, marks=SOAK)])
def test_no_request_fails(folder, bundle, swaps):
    data, items = bundle.data, bundle.data.items.ids
    fitted = {model.name: Bundle.of(model.fit(data), data) for model in (Popularity(), EASE(), ItemKNN())}
    names = itertools.cycle(fitted)
    with served(folder) as service, written_to(service.url, items, n=2) as writers, Client(service.url) as client:
        readers = [Reader(service.url, number, items) for number in range(3)]
        for reader in readers:
            reader.start()
        for turn in range(swaps):
            name = next(names)
            if turn % 3 == 1:
                assert client.put_item(f"new {turn}", {"title": f"Purple lamp {turn}", "price": 9.0}, wait=30).live
            fitted[name].save(folder)
            wait_until(lambda: client.ready().model == name, 60)  # noqa: B023
            if turn % 3 == 2:
                assert client.item(f"new {turn - 1}").title == f"Purple lamp {turn - 1}"
                client.delete_item(f"new {turn - 1}", wait=30)
        for thread in (*readers, *writers):
            thread.stopping.set()
            thread.join(60)
        assert [trouble for thread in (*readers, *writers) for trouble in thread.troubles] == []
        assert min(reader.asked for reader in readers) > 2 * swaps
        every_event_is_there_once(store_of(folder), writers)
        assert name == "item-knn"
        client.events([{"user_id": "ann", "item_id": items[0]}])
        assert client.recommend("ann", k=3).fallback is None
        assert "Traceback" not in service.said()

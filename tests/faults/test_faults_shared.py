"""Two services, each a process, on one store: what one takes in counts at the other within a second."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from palate import Client, ServiceError
from palate.data.store import store_of
from services import served


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.soak)])
def pair(request, folder):
    with ExitStack() as stack:
        url = request.getfixturevalue("database").new() if request.param == "postgresql" else store_of(folder)
        services = [stack.enter_context(served(folder, "--store", url)) for _ in range(2)]
        yield [stack.enter_context(Client(service.url, retries=0)) for service in services]


def seconds_until(true):
    begun = time.monotonic()
    while not true():
        assert time.monotonic() < begun + 20
        time.sleep(0.01)
    return time.monotonic() - begun


def test_what_one_takes_in_the_other_knows(pair, bundle):
    one, other = pair
    took = []
    for turn, item in enumerate(bundle.data.items.ids[:6]):
        here, there = (one, other) if turn % 2 else (other, one)
        assert there.recommend(f"new {turn}", k=36).fallback == "popularity"
        here.events([{"user_id": f"new {turn}", "item_id": item}])
        took.append(seconds_until(lambda: there.recommend(f"new {turn}", k=36).fallback is None))  # noqa: B023
        seconds_until(lambda: one.recommend(f"new {turn}", k=36) == other.recommend(f"new {turn}", k=36))  # noqa: B023
        assert item not in {hit.item_id for hit in there.recommend(f"new {turn}", k=36).items}
    assert statistics.median(took) < 1, took


def test_whom_one_erases_the_other_forgets(pair, bundle):
    one, other = pair
    one.events([{"user_id": "ann", "item_id": bundle.data.items.ids[0]}])
    seconds_until(lambda: other.recommend("ann").fallback is None)
    assert one.erase("ann").events == 1
    assert one.erase("user 3").events == 0
    took = [seconds_until(lambda: other.recommend(user).fallback == "popularity") for user in ("ann", "user 3")]  # noqa: B023
    assert max(took) < 2, took
    for user in ("ann", "user 3"):
        with pytest.raises(ServiceError, match="there is no user"):
            other.history(user)
    assert "user 3" not in [user.user_id for user in other.users("user 3").users]


def test_what_one_posts_the_other_shows(pair):
    one, other = pair
    assert one.put_item("lamp/new", {"title": "Purple lamp", "price": 9.0}, wait=20).live
    seconds_until(lambda: _there(other, "lamp/new"))
    other.events([{"user_id": "ann", "item_id": "lamp/new"}])
    other.delete_item("lamp/new", wait=20)
    seconds_until(lambda: not _there(one, "lamp/new"))


def test_both_write_the_same_events_and_each_counts_once(pair, bundle):
    events = [{"event_id": f"e{n}", "user_id": "ann", "item_id": item} for n, item in enumerate(bundle.data.items.ids)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda n: pair[n % 2].events(events[n % 3 :: 3]), range(24)))
    assert sum(taken.accepted for taken in told) == len(events)
    assert sum(taken.duplicates for taken in told) == 7 * len(events)
    for client in pair:
        assert len(client.history("ann", limit=100).events) == len(events)


def _there(client, item):
    try:
        return client.item(item).item_id == item
    except ServiceError:
        return False

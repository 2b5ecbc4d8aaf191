"""Requests at the same time are scored together, and each gets what it would get alone."""

from __future__ import annotations

import asyncio
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient

from palate.bundle import Bundle
from palate.core.errors import DataError
from palate.models import ALS, ContentKNN, ItemKNN
from palate.serving import Engine
from palate.serving.app import create_app
from palate.serving.batching import Batcher
from palate.serving.options import Options

BARE = Options(10, reasons=False)


@pytest.fixture
def batcher():
    made = Batcher(most=16)
    yield made
    made.close()


@pytest.fixture(scope="module")
def engine(shop):
    return Engine(Bundle.of(ItemKNN().fit(shop), shop))


def asked(batcher, *wanted):
    """Ask all at once; returns answers and errors in order."""

    async def all_of() -> list:
        return await asyncio.gather(*(batcher.ask(*each) for each in wanted), return_exceptions=True)

    return asyncio.run(all_of())


def held(engine, monkeypatch):
    """Let the engine's first answer wait for the returned event; notes how many are asked for at a time."""
    go, sizes, real = threading.Event(), [], engine.recommend_all

    def slow(wanted):
        sizes.append(len(wanted))
        assert go.wait(10)
        return real(wanted)

    monkeypatch.setattr(engine, "recommend_all", slow)
    return go, sizes


@pytest.mark.parametrize("model", [ItemKNN(), ContentKNN(), ALS(dim=8, reg=1)])
def test_each_gets_what_it_would_get_alone(batcher, shop, model):
    engine = Engine(Bundle.of(model.fit(shop), shop))
    wanted = [(f"user {n}", Options(10, where="price > 9" if n % 3 else None, reasons=False)) for n in range(40)]
    together = asked(batcher, *((engine, *each) for each in wanted))
    for (user, options), found in zip(wanted, together, strict=True):
        alone = engine.recommend(user, 10, options.where, reasons=False)
        assert [hit.item_id for hit in found.items] == [hit.item_id for hit in alone.items]
        assert np.allclose([hit.score for hit in found.items], [hit.score for hit in alone.items], rtol=1e-5)


def test_what_comes_meanwhile_goes_together_up_to_a_limit(batcher, engine, monkeypatch):
    go, sizes = held(engine, monkeypatch)

    async def all_of() -> list:
        first = asyncio.ensure_future(batcher.ask(engine, "user 0", BARE))
        while not sizes:
            await asyncio.sleep(0.001)
        rest = [asyncio.ensure_future(batcher.ask(engine, f"user {n}", BARE)) for n in range(1, 21)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(first, *rest)

    assert [len(answer.items) for answer in asyncio.run(all_of())] == [10] * 21
    assert sizes == [1, 16, 4]


def test_the_loop_is_free_meanwhile_and_who_went_away_is_not_waited_for(batcher, engine, monkeypatch):
    go, _ = held(engine, monkeypatch)

    async def ask_and_leave() -> tuple[int, object]:
        left = asyncio.ensure_future(batcher.ask(engine, "user 0", BARE))
        stays = asyncio.ensure_future(batcher.ask(engine, "user 1", BARE))
        turns = 0
        while turns < 20:
            await asyncio.sleep(0.001)
            turns += 1
        left.cancel()
        go.set()
        return turns, await stays

    turns, answer = asyncio.run(ask_and_leave())
    assert turns == 20
    assert answer == engine.recommend("user 1", 10, reasons=False)


def test_what_is_wrong_is_told_to_whom_it_concerns(batcher, engine, monkeypatch):
    good, wrong = asked(batcher, (engine, "user 0", BARE), (engine, "user 0", Options(k=0)))
    assert len(good.items) == 10
    assert isinstance(wrong, DataError)

    def broken(wanted):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(engine, "recommend_all", broken)
        assert isinstance(asked(batcher, (engine, "user 0", BARE))[0], ZeroDivisionError)
    assert len(asked(batcher, (engine, "user 0", BARE))[0].items) == 10


def test_each_is_answered_by_the_engine_it_asked(batcher, engine, bundle):
    other = Engine(bundle)
    found = asked(batcher, *((each, "user 3", BARE) for each in (engine, other) * 8))
    assert found[::2] == [engine.recommend("user 3", 10, reasons=False)] * 8
    assert found[1::2] == [other.recommend("user 3", 10, reasons=False)] * 8
    assert found[0] != found[1]


def test_it_can_be_closed_and_asked_again(batcher, engine):
    batcher.close()
    batcher.close()
    assert len(asked(batcher, (engine, "user 0", BARE))[0].items) == 10


def test_over_http_many_at_once_get_their_own(bundle):
    client = TestClient(create_app(bundle), raise_server_exceptions=False)
    users = [f"user {n}" for n in range(24)]
    found, threads = {}, []

    def ask(user):
        found[user] = client.get(f"/v1/recommend/{user}?k=5&reasons=false").json()

    for user in users:
        threads.append(threading.Thread(target=ask, args=(user,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    engine = Engine(bundle)
    for user in users:
        alone = engine.recommend(user, 5, reasons=False)
        assert [hit["item_id"] for hit in found[user]["items"]] == [hit.item_id for hit in alone.items]

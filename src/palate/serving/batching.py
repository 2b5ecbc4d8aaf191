"""Requests that come at the same time are scored together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from palate.serving.engine import Engine
from palate.serving.options import Options
from palate.serving.schemas import Answer

MOST = 32
"""How many are scored together, at most."""
Outcome = Answer | BaseException


@dataclass(frozen=True, eq=False)
class _Waiting:
    engine: Engine
    user: str
    options: Options
    told: asyncio.Future[Answer]
    loop: asyncio.AbstractEventLoop

    def tell(self, outcome: Outcome) -> None:
        """Hand over what came of it, unless nobody waits any more; to be called in the loop."""
        if self.told.done():
            return
        if isinstance(outcome, BaseException):
            self.told.set_exception(outcome)
        else:
            self.told.set_result(outcome)


class Batcher:
    """One thread that takes whatever waits, scores it in one go, and takes what came meanwhile; nobody waits for others to come.

    The event loop is free meanwhile, and hears of all answers of a go at once.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._door = threading.Lock()

    async def ask(self, engine: Engine, user: str, options: Options) -> Answer:
        """Return the answer of an engine.

        Raises:
            PalateError: what is wrong with what is asked, or with the service.
        """
        if self._thread is None:
            self._open()
        loop = asyncio.get_running_loop()
        told: asyncio.Future[Answer] = loop.create_future()
        self._waiting.put(_Waiting(engine, user, options, told, loop))
        return await told

    def close(self) -> None:
        """Answer who waits, and stop; whoever asks afterwards starts it anew."""
        with self._door:
            thread, self._thread = self._thread, None
            if thread is not None:
                self._waiting.put(None)
                thread.join()

    def _open(self) -> None:
        with self._door:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="batcher", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch = [first]
            while len(batch) < self.most and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    self._waiting.put(None)
                    break
                batch.append(following)
            _answer(batch)


def _answer(batch: Iterable[_Waiting]) -> None:
    by_engine: dict[int, list[_Waiting]] = defaultdict(list)
    for each in batch:  # the edition may be exchanged between two requests
        by_engine[id(each.engine)].append(each)
    for waiting in by_engine.values():
        outcomes: list[Outcome]
        try:
            outcomes = list(waiting[0].engine.recommend_all([(each.user, each.options) for each in waiting]))
        except BaseException as error:  # noqa: BLE001 - whatever it is, those who wait are told, and the next are served
            outcomes = [error] * len(waiting)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Waiting, Outcome]]] = defaultdict(list)
        for each, outcome in zip(waiting, outcomes, strict=True):
            by_loop[each.loop].append((each, outcome))
        for loop, told in by_loop.items():
            _tell(loop, told)


def _tell(loop: asyncio.AbstractEventLoop, told: list[tuple[_Waiting, Outcome]]) -> None:
    def tell() -> None:
        for each, outcome in told:
            each.tell(outcome)

    with suppress(RuntimeError):  # the loop is closed: the service has stopped, and nobody waits
        loop.call_soon_threadsafe(tell)

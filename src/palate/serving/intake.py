"""Events on their way into the store: looked at one by one, written together, durable before the answer."""

from __future__ import annotations

import logging
import queue
import threading
import uuid
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from palate.core.errors import PalateError, StoreError
from palate.data.store import Event, Store

T = TypeVar("T")
LOG = logging.getLogger("palate.serving")
LONGEST = 512
"""Characters of an id, at most."""
_FIELDS = ("event_id", "user_id", "item_id", "kind", "weight", "timestamp")
_LAST = 1 << 40
"""Seconds: far beyond any date."""
_TOGETHER = 5_000
"""Events that are written in one transaction, at most."""


def read_event(given: Any, items: Container[str], now: float) -> Event:
    """Return an event out of JSON.

    Raises:
        ValueError: what is wrong with it, in words.
    """
    if not isinstance(given, Mapping):
        raise ValueError('an event is an object such as {"user_id": "ann", "item_id": "shoe"}')
    if unknown := sorted(set(given) - set(_FIELDS)):
        raise ValueError(f"the field {_shown(unknown[0])} is unknown: allowed are {', '.join(_FIELDS)}")
    event_id = given.get("event_id")
    item = _id(given, "item_id")
    event = Event(
        event_id=uuid.uuid4().hex if event_id is None else _id(given, "event_id"),
        user_id=_id(given, "user_id"),
        item_id=item,
        kind=_id({"kind": given.get("kind", "click")}, "kind"),
        weight=_number(given.get("weight", 1.0)),
        timestamp=_time(given.get("timestamp"), now),
    )
    if item not in items:
        raise ValueError(f"there is no item '{item[:40]}'")
    return event


def _id(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} was {_shown(value)}: it must be a text that is not empty")
    if len(value) > LONGEST:
        raise ValueError(f"{name} has {len(value):,} characters: at most {LONGEST} are allowed")
    return storable(value, name)


def storable(value: str, name: str) -> str:
    """Return a text that every database can hold.

    Raises:
        ValueError: it holds NUL, or half of a character.
    """
    if "\0" in value or not (value.isascii() or _whole(value)):
        raise ValueError(f"{name} holds a character that no text has")
    return value


def _whole(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= 1e9:
        raise ValueError(f"weight was {_shown(value)}: it must be a number from -1e9 to 1e9")
    return float(value)


def _time(value: Any, now: float) -> int:
    if value is None:
        return int(now)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < _LAST:
        raise ValueError(f"timestamp was {_shown(value)}: it must be unix seconds, UTC, from 0 on")
    return int(value)


def _shown(value: Any) -> str:
    return repr(value)[:40] if value is not None else "absent"


def promised(kind: type[T]) -> Future[T]:
    """Return a future that nobody can cancel: who waits for it may go away, and what it tells of is done all the same."""
    told: Future[T] = Future()
    told.set_running_or_notify_cancel()
    return told


class Intake:
    """One thread that writes what many requests bring: a transaction, and so a wait for the disk, for all that are waiting.

    `events` returns a future that is done once they are durable, `after` has run, and so the next answer knows of them.
    """

    def __init__(self, store: Store, after: Callable[[], None]) -> None:
        self.store, self.after = store, after
        self._waiting: queue.SimpleQueue[tuple[Sequence[Event], Future[list[bool]]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="intake", daemon=True)
        self._closed, self._door = False, threading.Lock()
        self._thread.start()

    def events(self, events: Sequence[Event]) -> Future[list[bool]]:
        """Hand events over; the future tells which were new, or why they could not be kept."""
        told = promised(list[bool])
        with self._door:  # nothing may come in behind the word that it is over
            if not self._closed:
                self._waiting.put((events, told))
                return told
        told.set_exception(StoreError("the service is stopping: nothing of this was kept, so send it again"))
        return told

    def close(self) -> None:
        """Write what is waiting, and stop."""
        with self._door:
            self._closed = True
            self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, ended = [first], False
            while sum(len(events) for events, _ in batch) < _TOGETHER and not self._waiting.empty():
                following = self._waiting.get()
                if following is None:
                    ended = True
                    break
                batch.append(following)
            self._together(batch)
            if ended:
                return

    def _together(self, batch: Sequence[tuple[Sequence[Event], Future[list[bool]]]]) -> None:
        try:
            new = iter(self.store.append([event for events, _ in batch for event in events]))
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told, and the next are served
            for _, told in batch:
                told.set_exception(error)
            return
        try:
            self.after()
        except PalateError as error:  # they are kept, and are caught up with when the store answers again
            LOG.warning("what was kept is not followed yet: %s", error)
        except Exception:
            LOG.exception("what was kept could not be followed: this should not happen")
        for events, told in batch:
            told.set_result([next(new) for _ in events])

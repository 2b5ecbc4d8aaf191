"""Answers that are kept for who asks the same again, and can never be stale."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import NamedTuple

from palate.serving.counting import counting_of
from palate.serving.counts import Counts
from palate.serving.engine import Engine
from palate.serving.people import People, Person

_OVERHEAD = 300
"""Bytes that an entry takes beside its texts."""


class _State(NamedTuple):
    """What all answers rest on; of another one nothing is kept."""

    engine: Engine
    people: People
    forgotten: int
    counts: Counts | None
    """Where the model goes on counting what all people like."""


class Place(NamedTuple):
    """Where an answer belongs: who asked what, and what it rests on."""

    key: tuple[str, bytes]
    state: _State
    person: Person | None
    """What is known of them beyond the bundle, as it was before they were answered; another object after each event."""


class AnswerCache:
    """The answers asked for last, in so much memory; nothing is kept with a limit of 0.

    An answer rests on an edition, on whom has been forgotten, on what is known of the person, and, where the model counts what all people
    like, on these counts. All of these are objects that never change, so that an answer is given again only where they are the very same
    ones; it is the first look after an event that finds it outdated, not the event that has to find the answers. Once an edition is
    exchanged, counts change or somebody is erased, nothing is left.
    """

    def __init__(self, limit: int) -> None:
        """Keep at most so many bytes."""
        self.limit, self.size = limit, 0
        self._state: _State | None = None
        self._kept: OrderedDict[tuple[str, bytes], tuple[Person | None, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def place(self, engine: Engine, user: str, query: bytes) -> Place:
        """Return where the answer to a query belongs; to be taken before it is sought."""
        people = engine.people
        model = counting_of(engine.model)
        state = _State(engine, people, len(people.forgotten), None if model is None else model.counts)
        return Place((user, query), state, people.live.get(user))

    def get(self, place: Place) -> bytes | None:
        """Return the answer that is kept there, None where it is none or no longer true."""
        with self._lock:
            if not self._same(place.state):
                self._kept.clear()
                self._state, self.size = place.state, 0
            person, answer = self._kept.get(place.key, (None, None))
            if answer is None or person is not place.person:
                return None
            self._kept.move_to_end(place.key)
            return answer

    def put(self, place: Place, answer: bytes) -> None:
        """Keep an answer, unless what it rests on is no longer so."""
        with self._lock:
            if not self._same(place.state):
                return
            self._drop(place.key)
            self._kept[place.key] = (place.person, answer)
            self.size += _size(place.key, answer)
            while self.size > self.limit:
                self._drop(next(iter(self._kept)))

    def _same(self, state: _State) -> bool:
        mine = self._state
        return (
            mine is not None
            and mine.engine is state.engine
            and mine.people is state.people
            and mine.forgotten == state.forgotten
            and mine.counts is state.counts
        )

    def _drop(self, key: tuple[str, bytes]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.size -= _size(key, found[1])


def _size(key: tuple[str, bytes], answer: bytes) -> int:
    return _OVERHEAD + len(key[0]) + len(key[1]) + len(answer)

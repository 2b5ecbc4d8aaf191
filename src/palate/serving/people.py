"""Whom a service knows: those of the bundle, and what people did since."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from palate.bundle import Bundle
from palate.core.types import Codes
from palate.data.interactions import Interactions
from palate.interfaces import Queries
from palate.serving.counting import counting_of

if TYPE_CHECKING:  # a service without a store needs no database
    from palate.data.store import Event, Store

_PAGE = 10_000
_WAITING = 10_000
"""Events of unknown items that are kept in memory, at most; the store has all."""
_NONE = np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class Person:
    """What is known of one person.

    Shapes:
        liked, seen: int32[n], codes of items, ascending.
    """

    code: int
    """That of the bundle; -1 for one whom it does not know."""
    liked: Codes
    seen: Codes

    def query(self, n_items: int) -> Queries:
        """Return the person as a model is asked about them."""
        ones = np.ones(len(self.liked), np.float32)
        history = sp.csr_array((ones, self.liked, np.array([0, len(self.liked)])), shape=(1, n_items))
        return Queries(history, np.array([self.code], np.int32))


class People:
    """Histories of people, those of the bundle and those that events make; events of items that it lacks wait for these.

    An event counts as liked by the bundle's rule, and as in a dataset one like is enough; whatever else happens between a person
    and an item, it has been seen.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.model = bundle, bundle.model
        self.live: dict[str, Person] = {}
        self.forgotten: frozenset[str] = frozenset()
        """Those of whom what the bundle knows must not be told any more."""
        self.waiting: list[Event] = []
        """Events of items that the bundle does not have, or not yet."""
        self.changed: set[str] = set()
        """Those whose likes changed since somebody asked."""

    def over(self, bundle: Bundle) -> People:
        """Return what is known of people by the codes of a bundle with more items behind the same ones; this one stays as it is."""
        other = People(bundle)
        other.live, other.forgotten, other.changed = dict(self.live), self.forgotten, set(self.live)
        other.take(self.waiting)
        return other

    def __getitem__(self, user: str) -> Person:
        """Return what is known of a person; nothing of a stranger."""
        return self.live.get(user) or self._of_bundle(user)

    def count(self) -> int:
        """Return of how many people something is known."""
        known = self.bundle.data.users
        live = dict(self.live)
        return len(known) + sum((len(person.seen) > 0) - (user in known) for user, person in live.items())

    def __contains__(self, user: str) -> bool:
        person = self.live.get(user)
        return len(person.seen) > 0 if person else user in self.bundle.data.users

    def take(self, events: Sequence[Event]) -> None:
        """Let events count from the next answer on."""
        items = self.bundle.data.items
        known = [event for event in events if event.item_id in items]
        waiting = [event for event in events if event.item_id not in items]
        self.waiting = [*self.waiting, *waiting][-_WAITING:]
        if not known:
            return
        codes = np.array([items.code(event.item_id) for event in known], np.int32)
        weights = np.array([event.weight for event in known], np.float32)
        liked = self.bundle.data.positive.mask(Interactions(np.zeros_like(codes), codes, weights))
        for event, code, likes in zip(known, codes.tolist(), liked.tolist(), strict=True):
            person = self[event.user_id]
            more = _with(person.liked, code) if likes else person.liked
            if likes:
                self.changed.add(event.user_id)
            self.live[event.user_id] = Person(person.code, more, _with(person.seen, code))

    def forget(self, digests: set[str], store: Store) -> None:
        """Know nothing of those whose digests these are, but what they did since."""
        self.waiting = [event for event in self.waiting if store.digest(event.user_id) not in digests]
        for user in {user for user in (*self.live, *self.bundle.data.users.ids) if store.digest(user) in digests}:
            self.live[user] = Person(-1, _NONE, _NONE)
            self.forgotten |= {user}  # another set: somebody may be reading this one
            self.changed.add(user)
            self.take(store.history(user, _PAGE))

    def _of_bundle(self, user: str) -> Person:
        if user not in self.bundle.data.users:
            return Person(-1, _NONE, _NONE)
        code = self.bundle.data.users.code(user)
        return Person(code, _row(self.model.liked, code), _row(self.model.seen, code))


class Follower:
    """Keeps people, and a model that counts what they like, up to date with a store, which other services may write to as well."""

    def __init__(self, people: People, store: Store, cursor: int = 0) -> None:
        self.people, self.store, self.cursor, self._erasures = people, store, cursor, 0
        self._lock = threading.Lock()
        self.catch_up()

    @contextmanager
    def exchanged(self, bundle: Bundle) -> Iterator[People]:
        """Follow the people of a bundle with more items behind the same ones; nobody takes anything in meanwhile."""
        with self._lock:
            people = self.people.over(bundle)
            _count(people)
            yield people
            self.people = people

    @contextmanager
    def renewed(self, bundle: Bundle) -> Iterator[People]:
        """Follow the people of a bundle of any codes, from the first event on; only the last of them are waited for."""
        fresh = Follower(People(bundle), self.store)
        with self._lock:
            fresh.catch_up()
            yield fresh.people
            self.people, self.cursor, self._erasures = fresh.people, fresh.cursor, fresh._erasures

    def live(self) -> dict[str, Codes]:
        """Return what those like of whom something is known beyond the bundle."""
        with self._lock:
            return {user: person.liked for user, person in self.people.live.items()}

    def catch_up(self) -> None:
        """Take over what happened since the last time."""
        with self._lock:
            erased = self.store.erased(self._erasures)
            if erased:
                self.people.forget({digest for _, digest in erased}, self.store)
                self._erasures = erased[-1][0]
            while events := self.store.since(self.cursor, _PAGE):
                self.people.take(events)
                self.cursor = events[-1].cursor
            _count(self.people)
            self.caught_up = time.monotonic()


def _count(people: People) -> None:
    """Tell a model that counts of those whose likes changed."""
    changed, people.changed = people.changed, set()
    model = counting_of(people.model)
    if model is not None and changed:
        model.follow({user: people[user].liked for user in changed})


def _row(matrix: sp.csr_array, code: int) -> Codes:
    row = matrix.indices[matrix.indptr[code] : matrix.indptr[code + 1]]
    return (row if matrix.has_sorted_indices else np.sort(row)).astype(np.int32)


def _with(codes: Codes, code: int) -> Codes:
    place = int(codes.searchsorted(code))
    if place < len(codes) and codes[place] == code:
        return codes
    longer = np.empty(len(codes) + 1, np.int32)  # np.insert takes ten times as long
    longer[:place], longer[place], longer[place + 1 :] = codes[:place], code, codes[place:]
    return longer

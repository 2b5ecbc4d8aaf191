"""A service that learns as it goes: its store, who follows it, and what comes in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from palate.bundle.forget import forget_bundle
from palate.core.errors import PalateError
from palate.data.store import Erased, Event, Store
from palate.serving.edition import Deck
from palate.serving.guard import KeyRing
from palate.serving.intake import LOG, Intake, read_event
from palate.serving.live_catalogue import LiveCatalogue
from palate.serving.people import Follower
from palate.serving.settings import ServingSettings

_EVERY = 0.5
"""Seconds after which is looked at what other services wrote."""


class Live:
    """Joins what answers to a store: what is accepted counts from the next answer on, and what others accept soon after."""

    def __init__(
        self,
        deck: Deck,
        store: Store,
        settings: ServingSettings,
        keys: KeyRing,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.deck, self.store, self.settings, self.clock = deck, store, settings, clock
        self.keys = keys
        self.catalogue = LiveCatalogue(deck, store)
        self.follower = Follower(deck.engine.people, store)
        self.catalogue.start(self.follower)
        self.intake = Intake(store, self.follower.catch_up)
        self.troubles = 0
        """How often the store could not be followed."""
        self._stopping, self._forgetting = threading.Event(), threading.Lock()
        self._watch = threading.Thread(target=self._follow, name="follower", daemon=True)
        self._watch.start()

    def read(self, given: Sequence[Any]) -> tuple[list[Event], list[tuple[int, str]]]:
        """Tell the events that can be taken from those that cannot, and why."""
        now, read, rejected = self.clock(), [], []
        for index, each in enumerate(given):
            try:
                read.append(read_event(each, self.catalogue, now))
            except ValueError as error:
                rejected.append((index, str(error)))
        return read, rejected

    def erase(self, user: str) -> tuple[Erased, dict[str, Any] | None]:
        """Remove a person from the store and from the bundle on disk, and know nothing of them from now on.

        Returns what the store had, and what the bundle did; None where it has no place or does not know them. The bundle is taken
        up anew afterwards, as any that is exchanged, so that nothing of them stays in memory either.

        Raises:
            StoreError: the disk refuses; what is removed already stays so.
        """
        found = self.store.erase(user)
        self.follower.catch_up()
        self.keys.refresh()
        path = self.deck.engine.bundle.path
        if path is None:  # the one on disk may know people whom the one that serves does not, once it is renewed
            return found, None
        with self._forgetting:
            return found, forget_bundle(path, user)

    def close(self) -> None:
        """Write what is waiting, and let go of the store; nothing where that was done before."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._watch.join()
        self.intake.close()
        self.catalogue.close()
        self.store.close()

    def _follow(self) -> None:
        while not self._stopping.wait(_EVERY):
            try:
                self.follower.catch_up()
                self.keys.refresh()
            except PalateError as error:  # it is tried again; /ready tells of it
                self.troubles += 1
                LOG.warning("what others wrote is not followed for now: %s", error)
            except Exception:  # noqa: BLE001 - the next time may be better
                self.troubles += 1
                LOG.exception("what others wrote could not be followed: this should not happen")

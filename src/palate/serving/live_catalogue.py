"""The catalogue of a live service: what is posted joins what answers, seconds later."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path

from palate.bundle import Bundle
from palate.bundle.manifest import NAME
from palate.core.errors import MemoryLimitError, PalateError, StoreError
from palate.core.types import Codes
from palate.data.store import Posted, Store
from palate.serving.counting import can_count, counting_of
from palate.serving.edition import Deck, Edition
from palate.serving.intake import promised
from palate.serving.people import Follower, People
from palate.serving.posts import Posts

LOG = logging.getLogger("palate.serving")
_EVERY = 0.5
"""Seconds after which is looked at what other services posted."""
_AGAIN = 5.0
"""Seconds after which is tried again what failed."""


class LiveCatalogue:
    """Keeps the deck up to date with posted items: one thread, and it alone, encodes what is new and exchanges the edition.

    What was posted before the start is there from the first answer on.
    """

    def __init__(self, deck: Deck, store: Store) -> None:
        self.deck, self.store = deck, store
        self.posts = Posts(store, deck.decode)
        self.seconds = 1.0
        """How long the last exchange took."""
        self.cursor = 0
        """Of the last posted item of which the answers know."""
        self._coming: dict[str, list[tuple[int, Future[None]]]] = {}
        self._door, self._news, self._stopping = threading.Lock(), threading.Event(), threading.Event()
        self._follower: Follower | None = None
        path = deck.engine.bundle.path
        self._seal = None if path is None else _seal(path)
        self._thread = threading.Thread(target=self._run, name="catalogue", daemon=True)
        deck.edition.showcase.posted = self.file
        self._take_over()

    def __contains__(self, item: object) -> bool:
        """Tell whether something can be done with an item: it is there, or was posted here and will be soon."""
        showcase = self.deck.edition.showcase
        return (item in showcase.data.items and item not in showcase.gone) or item in self._coming

    def start(self, follower: Follower) -> None:
        """Begin to take in what is posted."""
        self._follower = follower
        self._thread.start()

    def post(self, item: Posted, files: Mapping[str, bytes] | None = None) -> Future[None]:
        """Keep the newest word on an item; the future is done once the answers know of it.

        Raises:
            StoreError: it could not be kept.
        """
        cursor, known = self.store.post(item, files), promised(type(None))
        with self._door:
            if cursor <= self.cursor:
                known.set_result(None)
            else:
                self._coming.setdefault(item.item_id, []).append((cursor, known))
        self._news.set()
        return known

    def file(self, item_id: str, column: str) -> Path | None:
        """Return the file of a posted item; None where it has none."""
        posted = self.store.item(item_id) if item_id in self.posts.items else None
        name = None if posted is None else posted.media.get(column)
        return None if name is None else self.posts.parts.file(item_id, column, name)

    def close(self) -> None:
        """Stop; what is posted and not yet taken over is in the store."""
        self._stopping.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()
        self.posts.close()
        for waiting in self._coming.values():
            for _, known in waiting:
                known.set_exception(
                    StoreError("the service is stopping: the item is kept, and is there after the next start")
                )

    def _run(self) -> None:
        for do in (self._prepare, self._take_over, self._count):
            self._guarded(do)
        while not self._stopping.is_set():
            self._news.wait(_EVERY)
            self._news.clear()
            fine = self._guarded(self._take_over) and self._guarded(self._renew)
            if not (self._guarded(self._fold) and fine):
                self._stopping.wait(_AGAIN)

    def _prepare(self) -> None:
        self.deck.edition = self.deck.edition.grounded()
        self.posts.prepare(self.deck.engine)

    def _count(self) -> None:
        """Let the model go on counting what people like, where it can."""
        assert self._follower is not None
        edition = self.deck.edition
        counting = _counting(edition, self._follower.live)
        if counting is not edition:
            self.deck.exchange(counting, self._follower)

    def _fold(self) -> None:
        """Sum up what was counted, so that neither memory nor answers grow with it."""
        model = counting_of(self.deck.engine.model)
        if model is not None and model.full and not model.stopped:
            model.fold()

    def _take_over(self) -> None:
        """Make what was posted a new edition, and tell those who wait for it."""
        began = time.perf_counter()
        change = self.posts.change(self.deck.engine)
        if change is None:
            return
        edition = self.deck.edition.grounded().updated(change)
        if self._follower is None:
            self.deck.edition = edition
        else:
            self.deck.exchange(edition, self._follower)
        self.seconds = time.perf_counter() - began
        self._arrived(change.cursor)

    def _arrived(self, cursor: int) -> None:
        """Tell those who wait for what was posted up to a place in the store."""
        self.posts.cursor = cursor
        with self._door:
            self.cursor = cursor
            coming: dict[str, list[tuple[int, Future[None]]]] = {}
            for item_id, waiting in self._coming.items():
                for place, known in waiting:
                    if place > cursor:
                        coming.setdefault(item_id, []).append((place, known))
                    else:
                        known.set_result(None)
            self._coming = coming  # at once: nobody looks for an item between two places

    def _renew(self) -> None:
        """Take up the bundle that lies in the place of the one that is served, where it is another one; make it ready first.

        One that cannot be read is left alone until it changes again, and the service goes on with the one that it has. Where the
        store fails meanwhile, it is tried again.
        """
        path = self.deck.engine.bundle.path
        seal = None if path is None else _seal(path)
        if path is None or seal is None or seal == self._seal:
            return
        before, self._seal = self._seal, seal
        try:
            bundle = Bundle.open(path)
        except PalateError as error:
            LOG.warning("the bundle at %s is not taken up: %s", path, error)
            return
        edition = Edition.of(bundle, self.deck.settings, decode=self.deck.decode)
        for trouble in edition.engine.prepare():
            LOG.warning("%s", trouble)
        edition.showcase.posted = self.file
        edition = edition.grounded()
        assert self._follower is not None
        try:
            edition = _counting(edition, lambda: Follower(People(bundle), self.store).live())
            change = self.posts.change(edition.engine, 0)
            if change is not None:
                edition = edition.updated(change)
            self.deck.renew(edition, self._follower)
        except StoreError:
            self._seal = before
            raise
        self._arrived(0 if change is None else change.cursor)
        LOG.info("the bundle at %s is taken up", path)

    def _guarded(self, do: Callable[[], None]) -> bool:
        """Do something; where that fails, say so, that it may be tried again."""
        try:
            do()
        except PalateError as error:
            LOG.warning("what was posted is not taken over for now: %s", error)
            return False
        except Exception:
            LOG.exception("what was posted could not be taken over: this should not happen")
            return False
        return True


def _counting(edition: Edition, live: Callable[[], Mapping[str, Codes]]) -> Edition:
    """Return an edition whose model goes on counting what people like; the edition itself where it cannot."""
    if not can_count(edition.engine.bundle):
        return edition
    try:
        return edition.counting(live())
    except MemoryLimitError as error:
        LOG.warning("what people like changes their own lists alone until 'palate refit': %s", error)
        return edition


def _seal(path: Path) -> tuple[int, int] | None:
    """Return what tells one bundle in a place from the next; None where there is none at the moment."""
    try:
        found = (path / NAME).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns

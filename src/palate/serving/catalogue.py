"""What a service shows of its catalogue and its people."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import polars as pl
from starlette.exceptions import HTTPException

from palate.bundle import Bundle
from palate.core.errors import DataError
from palate.core.types import Codes
from palate.data.catalogue import MEDIA_TYPES
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.explain import titles
from palate.serving.people import People
from palate.serving.schemas import Event, History, Item, Medium, User, Users

if TYPE_CHECKING:
    from palate.data.store import Event as Kept
    from palate.data.store import Store

_MOST = 1000


class Showcase:
    """Items, users and histories, ready to be looked up."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle, self.data = bundle, bundle.data
        self.catalogue = bundle.data.catalogue
        self._liked = np.diff(bundle.model.liked.indptr)
        self._names = self.data.users.series.str.to_lowercase()
        self.gone: frozenset[str] = frozenset()
        self.posted: Callable[[str, str], Path | None] = lambda item, column: None
        """Where the file of an item that was posted lies, by the item and the column."""

    def over(self, bundle: Bundle, gone: Codes) -> Showcase:
        """Return the same over a bundle with more items behind the same ones, without those that are gone."""
        other = copy.copy(self)
        other.bundle, other.data, other.catalogue = bundle, bundle.data, bundle.data.catalogue
        other.gone = frozenset(bundle.data.items.decode(gone))
        return other

    def users(self, query: str, limit: int, forgotten: Collection[str] = ()) -> Users:
        """Return users whose id holds a text, in any case; the very id comes first, then those that begin with it.

        Those who are `forgotten` are not told of.
        """
        wanted = query.strip().lower()
        codes = np.arange(len(self.data.users))
        if wanted:
            holds = self._names.str.contains(wanted, literal=True).to_numpy()
            starts = self._names.str.starts_with(wanted).to_numpy()
            found = np.flatnonzero(holds)
            same = (self._names == wanted).to_numpy()
            codes = found[np.lexsort((found, ~starts[found], ~same[found]))]
        if forgotten:
            codes = codes[~np.isin(codes, self.data.users.codes(forgotten))]
        shown = codes[: _bounded(limit)]
        rows = [User(user_id=self.data.users.ids[code], liked=int(self._liked[code])) for code in shown]
        return Users(users=rows, total=len(codes))

    def history(self, user: str, limit: int, people: People | None = None, store: Store | None = None) -> History:
        """Return what a user did, newest first: what came in since the bundle was made, and what it knows."""
        people = people or People(self.bundle)
        if user not in people:
            raise HTTPException(404, f"there is no user '{user}': /v1/users?query= finds users")
        events = [] if store is None else [_told(event, self.data) for event in store.history(user, _bounded(limit))]
        if user in self.data.users and user not in people.forgotten:
            code = self.data.users.code(user)
            order, starts = self._by_user
            rows = self._newest(order[starts[code] : starts[code + 1]])[: _bounded(limit)]
            there = {event.event_id for event in events}  # a bundle that was renewed has learned from the store
            events += [self._event(row) for row in rows.tolist() if self._name(row) not in there]
            events.sort(key=lambda event: -math.inf if event.timestamp is None else -event.timestamp)
        return History(events=events[:limit])

    @cached_property
    def _by_user(self) -> tuple[Codes, Codes]:
        """The rows of events user by user, and where each begins; made when somebody first asks, since many services never do."""
        user = self.data.interactions.user
        order = np.argsort(user, kind="stable").astype(np.int32)
        ends = np.cumsum(np.bincount(user, minlength=len(self.data.users)))
        return order, np.concatenate([[0], ends]).astype(np.int32)

    def _newest(self, rows: Codes) -> Codes:
        """Return rows of events by time, the newest first; by their place where there are no times."""
        time = self.data.interactions.time
        return rows[::-1] if time is None else rows[np.lexsort((-rows, -time[rows]))]

    def item(self, name: str) -> Item:
        """Return an item's columns, and the addresses of its files."""
        code = self.known_item(name)
        media = {
            column: medium for column in self.catalogue.of_type(*MEDIA_TYPES) if (medium := self._url(code, column))
        }
        rest = self.catalogue.row(code)
        hidden = {"item_id", *self.catalogue.of_type(*MEDIA_TYPES)}
        fields = {key: _plain(value) for key, value in rest.items() if key not in hidden}
        title = titles(self.catalogue, self.data.items, [code])[0]
        return Item(item_id=name, title=title, fields=fields, media=media)

    def medium(self, name: str, column: str) -> tuple[Path, str]:
        """Return an item's file and what kind it is.

        Raises:
            HTTPException: 404, there is none, or it lies outside the dataset folder.
        """
        code = self.known_item(name)
        kind = self.catalogue.types.get(column)
        if kind not in MEDIA_TYPES:
            known = ", ".join(self.catalogue.of_type(*MEDIA_TYPES)) or "none"
            raise HTTPException(404, f"there is no media column '{column}' (there are: {known})")
        if (posted := self.posted(name, column)) is not None:
            return posted, kind
        path = self.catalogue.media_path(code, column)
        if path is None or self.catalogue.root is None:
            raise HTTPException(404, f"the item '{name}' has no file in the column '{column}'")
        if not path.resolve().is_relative_to(self.catalogue.root.resolve()) or not path.is_file():
            raise HTTPException(404, f"the file of the item '{name}' in the column '{column}' is gone")
        return path, kind

    def known_item(self, name: str) -> int:
        """Return an item's code, or say 404."""
        if name not in self.data.items or name in self.gone:
            raise HTTPException(404, f"there is no item '{name}'")
        return self.data.items.code(name)

    def _url(self, code: int, column: str) -> Medium | None:
        value = self.catalogue.column(column)[code]
        if not value:
            return None
        kind = self.catalogue.types[column]
        assert kind in ("image", "audio", "video")
        if str(value).startswith(("http://", "https://")):
            return Medium(type=kind, url=str(value))
        name = self.data.items.ids[code]
        path = self.posted(name, column) or self.catalogue.media_path(code, column)
        if path is None or not path.is_file():
            return None
        return Medium(type=kind, url=f"/v1/media/{quote(name, safe='')}/{quote(column, safe='')}")

    def _event(self, row: int) -> Event:
        events, kind = self.data.interactions, self.data.interactions.column("kind")
        return Event(
            event_id=self._name(row) or str(row),
            item_id=self.data.items.ids[events.item[row]],
            weight=float(events.weight[row]),
            liked=bool(self.data.liked_rows[row]),
            timestamp=None if events.time is None else int(events.time[row]),
            kind=None if kind is None else kind[row],
        )

    def _name(self, row: int) -> str | None:
        names = self.data.interactions.column("event_id")
        return None if names is None or names[row] is None else str(names[row])


def _told(event: Kept, data: Dataset) -> Event:
    row = Interactions(np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([event.weight], np.float32))
    return Event(
        event_id=event.event_id,
        item_id=event.item_id,
        weight=event.weight,
        liked=bool(data.positive.mask(row)[0]),
        timestamp=event.timestamp,
        kind=event.kind,
    )


def _bounded(limit: int) -> int:
    if not 1 <= limit <= _MOST:
        raise DataError(f"limit was {limit}: ask for 1 to {_MOST}")
    return limit


def _plain(value: object) -> str | int | float | bool | None:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, (list, pl.Series)):
        return ", ".join(str(part) for part in value)
    return str(value)

"""A dataset, and what a live service has taken in since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from palate.bundle.posted import PostedParts, rows_of
from palate.core.ids import IdMap
from palate.core.types import Codes
from palate.data.dataset import Dataset
from palate.data.interactions import Interactions
from palate.data.store import Event, Store
from palate.encoders import restore
from palate.retrieval import Decode

_PAGE = 50_000


@dataclass(frozen=True, eq=False)
class Grown:
    """The whole, and which of its interactions came in."""

    data: Dataset
    cursors: npt.NDArray[np.int64]
    """int64[interactions]: the place of each in the store, in which they lie behind the dataset's own; 0 for those."""
    items: int
    """How many items were posted that the dataset does not have."""
    forgotten: int
    """How many people were left out because they were erased."""
    heeded: int = 0
    """The last erasure in the store of which this knows."""


def grown(data: Dataset, store: Store, decode: Decode | None = None) -> Grown:
    """Join a dataset and a store: posted items, then events; who was erased is left out with all that the dataset has of them.

    An event that the dataset has by its event_id is no new one. Events of items that neither has are passed over, and so are
    items that were taken away unless the dataset has them.

    Args:
        data: as it lies in its folder.
        store: of the service; what is encoded of posted items is kept in it.
        decode: reads the files of posted items, where another way than the encoder's own is wanted.
    """
    erased = store.erased()
    data, forgotten = _without_erased(data, store, {digest for _, digest in erased})
    before = len(data.items)
    data = _with_items(data, store, decode)
    items = len(data.items) - before
    own = np.zeros(len(data.interactions), np.int64)
    data, cursors = _with_events(data, list(_events(store)))
    heeded = erased[-1][0] if erased else 0
    return Grown(data, np.concatenate([own, cursors]), items, forgotten, heeded)


def _without_erased(data: Dataset, store: Store, digests: set[str]) -> tuple[Dataset, int]:
    if not digests:
        return data, 0
    kept = np.array([store.digest(user) not in digests for user in data.users], bool)
    if kept.all():
        return data, 0
    old = np.flatnonzero(kept)
    place = np.full(len(kept), -1, np.int32)
    place[old] = np.arange(len(old))
    rows = kept[data.interactions.user]
    smaller = data.take_interactions(rows)
    moved = replace(smaller.interactions, user=place[smaller.interactions.user])
    features = {name: table.take(old) if table.of == "users" else table for name, table in smaller.features.items()}
    people = None if data.people is None else data.people.take(old)
    users = IdMap(data.users.decode(old))
    return replace(smaller, users=users, interactions=moved, people=people, features=features), int((~kept).sum())


def _with_items(data: Dataset, store: Store, decode: Decode | None) -> Dataset:
    """Return the dataset with the posted items in the place of those of the same id, or behind all others."""
    posted = [item for item in store.posted() if not item.gone]
    if not posted:
        return data
    new = [item.item_id for item in posted if item.item_id not in data.items]
    items = IdMap([*data.items.ids, *new])
    codes = items.codes(item.item_id for item in posted)
    encoders = {
        name: restore(table.encoder) for name, table in data.features.items() if table.of == "items" and table.encoder
    }
    parts = PostedParts(store, decode)
    try:
        rows = parts.of(data, posted, encoders.__getitem__)
    finally:
        parts.close()
    features = {
        name: table.updated(codes, rows[name]) if name in rows else table for name, table in data.features.items()
    }
    catalogue = data.catalogue.updated(codes, rows_of(data, posted))
    return replace(data, items=items, catalogue=catalogue, features=features)


def _events(store: Store) -> Iterator[Event]:
    cursor = 0
    while page := store.since(cursor, _PAGE):
        yield from page
        cursor = page[-1].cursor


def _with_events(data: Dataset, events: list[Event]) -> tuple[Dataset, npt.NDArray[np.int64]]:
    """Return the dataset with the events that it lacks behind its own, and their places in the store."""
    names = data.interactions.column("event_id")
    there = set() if names is None else set(names.drop_nulls().cast(pl.String).to_list())
    events = [event for event in events if event.item_id in data.items and event.event_id not in there]
    cursors = np.array([event.cursor for event in events], np.int64)
    if not events:
        return data, cursors
    users = IdMap([*data.users.ids, *(event.user_id for event in events)])
    more = Interactions(
        users.codes(event.user_id for event in events),
        data.items.codes(event.item_id for event in events),
        np.array([event.weight for event in events], np.float32),
        np.array([event.timestamp for event in events], np.int64),
        pl.DataFrame({"event_id": [event.event_id for event in events], "kind": [event.kind for event in events]}),
    )
    interactions = Interactions.concat(_named(data.interactions), more)
    added = len(users) - len(data.users)
    places = {"users": _behind(len(data.users), added), "interactions": _behind(len(data.interactions), len(more))}
    features = {
        name: table.take(places[table.of]) if table.of in places else table for name, table in data.features.items()
    }
    people = None if data.people is None else data.people.take(places["users"])
    return replace(data, users=users, interactions=interactions, people=people, features=features), cursors


def _named(interactions: Interactions) -> Interactions:
    """Return interactions whose event_id and kind, where they have them, are texts."""
    for name in ("event_id", "kind"):
        column = interactions.column(name)
        if column is not None:
            interactions = interactions.with_column(name, column.cast(pl.String))
    return interactions


def _behind(n: int, more: int) -> Codes:
    """Return the codes of all rows, and -1 for as many as come behind them."""
    return np.concatenate([np.arange(n), np.full(more, -1)]).astype(np.int32)

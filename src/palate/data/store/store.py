"""What a live service must not lose, in one database: events, posted items, feedback, keys, erasures."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from palate.core.errors import DataError, StoreError
from palate.data.store._connection import connect
from palate.data.store._schema import ERASED, EVENTS, FEEDBACK, ITEMS, KEYS, MEDIA, VECTORS, bring_up
from palate.data.store.records import Erased, Event, Key, Posted, Said, Satisfaction

SCOPES = ("read", "write", "admin")
_AT_ONCE = 500
"""Keys that are asked for in one statement."""
_LOCK = 0x70616C61
"""Of PostgreSQL: who adds rows holds it to the commit, so that cursors become visible in their order."""
_WRITTEN = ("event_id", "user_id", "item_id", "kind", "weight", "timestamp")
_READ = [EVENTS.c[name] for name in (*_WRITTEN, "cursor")]
_ASKED = 1000
"""Ids that are looked up at a time."""


class Store:
    """One database, SQLite or PostgreSQL; several services may share it.

    What a method that writes has returned from is on disk. Rows carry a cursor that grows in the order in which they become
    visible, so whoever reads `since` the last cursor they saw misses nothing.

    Raises:
        StoreError: the database cannot be reached, is full, or was made by a newer Palate. Nothing of the call is kept then.
    """

    def __init__(self, url: str, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.engine = connect(url)
        self.place = self.engine.url.render_as_string(hide_password=True)
        self._insert: Any = sqlite.insert if self.engine.dialect.name == "sqlite" else postgresql.insert
        try:
            with self._writing() as connection:
                self._salt = bring_up(connection)
        except StoreError:
            self.close()
            raise

    # events

    def append(self, events: Sequence[Event]) -> list[bool]:
        """Add events; returns which are new. One whose id is there already changes nothing."""
        if not events:
            return []
        new: list[bool] = []
        rows: dict[str, dict[str, Any]] = {}
        with self._writing() as connection:
            there = self._there(connection, [event.event_id for event in events])
            for event in events:
                new.append(event.event_id not in there and event.event_id not in rows)
                if new[-1]:
                    rows[event.event_id] = {name: getattr(event, name) for name in _WRITTEN}
            if rows:
                connection.execute(sa.insert(EVENTS), list(rows.values()))
        return new

    def since(self, cursor: int, limit: int = 10_000) -> list[Event]:
        """Return the events after a cursor, in their order."""
        rows = sa.select(*_READ).where(EVENTS.c.cursor > cursor).order_by(EVENTS.c.cursor).limit(limit)
        with self._reading() as connection:
            return [Event(*row) for row in connection.execute(rows)]

    def history(self, user: str, limit: int = 100) -> list[Event]:
        """Return the events of a person, the newest first."""
        newest = sa.select(*_READ).where(EVENTS.c.user_id == user)
        newest = newest.order_by(EVENTS.c.timestamp.desc(), EVENTS.c.cursor.desc()).limit(limit)
        with self._reading() as connection:
            return [Event(*row) for row in connection.execute(newest)]

    def _there(self, connection: sa.Connection, names: Sequence[str]) -> set[str]:
        """Return which of some ids of events are kept; nobody else writes meanwhile."""
        found: set[str] = set()
        for start in range(0, len(names), _ASKED):
            chosen = EVENTS.c.event_id.in_(names[start : start + _ASKED])
            found.update(connection.execute(sa.select(EVENTS.c.event_id).where(chosen)).scalars())
        return found

    # items

    def post(self, item: Posted, files: Mapping[str, bytes] | None = None) -> int:
        """Keep the newest word on an item, and the content of its files by column; returns its cursor."""
        rows = [
            {"item_id": item.item_id, "column": column, "name": item.media[column], "content": content}
            for column, content in (files or {}).items()
        ]
        with self._writing() as connection:
            connection.execute(sa.delete(MEDIA).where(MEDIA.c.item_id == item.item_id))
            if rows:
                connection.execute(sa.insert(MEDIA), rows)
            last = connection.execute(sa.select(sa.func.max(ITEMS.c.cursor))).scalar() or 0
            values = {
                "cursor": last + 1, "gone": item.gone, "columns": json.dumps(dict(item.columns), ensure_ascii=False),
                "media": json.dumps(dict(item.media), ensure_ascii=False),
            }  # fmt: skip
            add = self._insert(ITEMS).values(item_id=item.item_id, **values)
            connection.execute(add.on_conflict_do_update(index_elements=["item_id"], set_=values))
        return int(last + 1)

    def posted(self, cursor: int = 0) -> list[Posted]:
        """Return the items on which there is a word after a cursor, in the order of it."""
        rows = sa.select(ITEMS).where(ITEMS.c.cursor > cursor).order_by(ITEMS.c.cursor)
        with self._reading() as connection:
            return [_posted(row) for row in connection.execute(rows).mappings()]

    def item(self, item_id: str) -> Posted | None:
        """Return the newest word on an item, None where there is none."""
        with self._reading() as connection:
            row = connection.execute(sa.select(ITEMS).where(ITEMS.c.item_id == item_id)).mappings().first()
        return None if row is None else _posted(row)

    def medium(self, item_id: str, column: str) -> bytes | None:
        """Return the content of a posted item's file, None where there is none."""
        wanted = sa.select(MEDIA.c.content).where(MEDIA.c.item_id == item_id, MEDIA.c.column == column)
        with self._reading() as connection:
            content = connection.execute(wanted).scalar()
        return None if content is None else bytes(content)

    def vectors(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return what was kept under these keys."""
        found: dict[str, bytes] = {}
        wanted = list(keys)
        with self._reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = sa.select(VECTORS).where(VECTORS.c.key.in_(wanted[start : start + _AT_ONCE]))
                found |= {row["key"]: bytes(row["values"]) for row in connection.execute(some).mappings()}
        return found

    def keep_vectors(self, vectors: Mapping[str, bytes]) -> None:
        """Keep what encoders made, under keys that tell of what and by which."""
        if vectors:
            rows = [{"key": key, "values": values} for key, values in vectors.items()]
            with self._writing() as connection:
                connection.execute(self._insert(VECTORS).on_conflict_do_nothing(index_elements=["key"]), rows)

    # feedback

    def say(self, said: Said) -> None:
        """Keep feedback."""
        with self._writing() as connection:
            connection.execute(sa.insert(FEEDBACK), asdict(said))

    def satisfaction(self, newest: int = 10) -> Satisfaction:
        """Sum up the feedback."""
        counted = sa.select(FEEDBACK.c.satisfaction, sa.func.count()).group_by(FEEDBACK.c.satisfaction)
        words = sa.select(FEEDBACK).where(FEEDBACK.c.text != "").order_by(FEEDBACK.c.cursor.desc()).limit(newest)
        with self._reading() as connection:
            counts = {int(value): int(count) for value, count in connection.execute(counted)}
            rows = [
                {name: value for name, value in row.items() if name != "cursor"}
                for row in connection.execute(words).mappings()
            ]
        answers = sum(counts.values())
        mean = sum(value * count for value, count in counts.items()) / answers if answers else None
        return Satisfaction(answers, mean, {n: counts.get(n, 0) for n in range(1, 6)}, [Said(**row) for row in rows])

    # people

    def erase(self, user: str) -> Erased:
        """Remove every row of a person, and let other services know; the bytes are overwritten.

        SQLite overwrites what is removed (`secure_delete`) and the log is folded in; PostgreSQL is told to vacuum. Copies that
        the database's owner made elsewhere are theirs to remove.
        """
        with self._writing() as connection:
            counts = {
                table.name: connection.execute(sa.delete(table).where(table.c.user_id == user)).rowcount
                for table in (EVENTS, FEEDBACK, KEYS)
            }
            connection.execute(sa.insert(ERASED), {"digest": self.digest(user), "timestamp": int(self.clock())})
        self._overwrite()
        return Erased(counts[EVENTS.name], counts[FEEDBACK.name], counts[KEYS.name])

    def erased(self, cursor: int = 0) -> list[tuple[int, str]]:
        """Return cursor and digest of those erased after a cursor."""
        rows = sa.select(ERASED.c.cursor, ERASED.c.digest).where(ERASED.c.cursor > cursor).order_by(ERASED.c.cursor)
        with self._reading() as connection:
            return [(int(place), digest) for place, digest in connection.execute(rows)]

    def digest(self, user: str) -> str:
        """Return what stands for a person where the id must not."""
        return hashlib.blake2b(user.encode(), digest_size=16, key=bytes.fromhex(self._salt)).hexdigest()

    # keys

    def add_key(self, name: str, scopes: Sequence[str], user: str | None = None) -> str:
        """Make a key and return it; only its digest is kept, so it is shown once.

        Raises:
            DataError: the name is taken, or a scope is unknown.
        """
        if wrong := sorted(set(scopes) - set(SCOPES)):
            raise DataError(f"the scope '{wrong[0]}' is unknown: allowed are {', '.join(SCOPES)}")
        if not scopes:
            raise DataError(f"the key '{name}' was given no scope: allowed are {', '.join(SCOPES)}")
        secret = f"palate-{secrets.token_urlsafe(24)}"
        with self._writing() as connection:
            row = {
                "digest": key_digest(secret), "name": name, "scopes": ",".join(sorted(set(scopes))), "user_id": user,
                "created": int(self.clock()),
            }  # fmt: skip
            add = self._insert(KEYS).values(row).on_conflict_do_nothing().returning(KEYS.c.name)
            if not connection.execute(add).all():
                raise DataError(f"there is a key named '{name}' already: remove it first, or choose another name")
        return secret

    def known_keys(self) -> dict[str, Key]:
        """Return all keys by their digests, `key_digest` of what they are, in the order of their names."""
        with self._reading() as connection:
            return {
                row["digest"]: _key(row) for row in connection.execute(sa.select(KEYS).order_by(KEYS.c.name)).mappings()
            }

    def remove_key(self, name: str) -> bool:
        """Take a key back; False where there is none of that name."""
        with self._writing() as connection:
            return bool(connection.execute(sa.delete(KEYS).where(KEYS.c.name == name)).rowcount)

    # the database

    def check(self) -> None:
        """Make sure that the database answers."""
        with self._reading() as connection:
            connection.execute(sa.select(1))

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._told(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            if self.engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with self._told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
            raise StoreError(f"the store {self.place} could not be used ({said}): nothing of this was kept") from error

    def _overwrite(self) -> None:
        with self._told():
            if self.engine.dialect.name == "sqlite":
                raw = self.engine.raw_connection()
                try:
                    busy = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                finally:
                    raw.close()
                if busy:
                    raise StoreError(
                        f"the rows are removed from {self.place}, but somebody reads it, so that their bytes are still in its log: "
                        "ask again"
                    )
            else:
                with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    for table in (EVENTS, FEEDBACK, KEYS):
                        connection.exec_driver_sql(f"VACUUM {table.name}")


def store_of(bundle: Path) -> str:
    """Return the URL of the store that a bundle's service has unless it is told another: a file beside the bundle."""
    return f"sqlite:///{bundle.resolve().with_name(f'{bundle.resolve().name}.live') / 'events.db'}"


def _posted(row: Any) -> Posted:
    return Posted(row["item_id"], json.loads(row["columns"]), json.loads(row["media"]), row["gone"], row["cursor"])


def _key(row: Any) -> Key:
    return Key(row["name"], frozenset(row["scopes"].split(",")), row["user_id"])


def key_digest(secret: str) -> str:
    """Return what of a key is kept."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"palate-key").hexdigest()

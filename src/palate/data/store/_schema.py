"""The tables of a store, and how one made by an older Palate is brought up to date."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping

import sqlalchemy as sa

from palate.core.errors import StoreError

VERSION = 2
"""Raised with a step in `_STEPS` whenever a table changes."""

TABLES = sa.MetaData()
_COUNTED = sa.BigInteger().with_variant(sa.Integer, "sqlite")

FACTS = sa.Table(
    "palate_facts",
    TABLES,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)
"""The version of the tables, and the store's own salt."""

EVENTS = sa.Table(
    "palate_events",
    TABLES,
    sa.Column("cursor", _COUNTED, primary_key=True, autoincrement=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("user_id", sa.Text, nullable=False, index=True),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("weight", sa.Double, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""What people did, in the order in which it was accepted."""

ITEMS = sa.Table(
    "palate_items",
    TABLES,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("cursor", _COUNTED, nullable=False, index=True),
    sa.Column("gone", sa.Boolean, nullable=False),
    sa.Column("columns", sa.Text, nullable=False),
    sa.Column("media", sa.Text, nullable=False),
)
"""What was posted or taken away since the bundle was made: the newest word on each item."""

MEDIA = sa.Table(
    "palate_media",
    TABLES,
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("column", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""The files of posted items."""

VECTORS = sa.Table(
    "palate_vectors",
    TABLES,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("values", sa.LargeBinary, nullable=False),
)
"""What encoders made of posted items, by what made it, so that a restart need not encode again."""

FEEDBACK = sa.Table(
    "palate_feedback",
    TABLES,
    sa.Column("cursor", _COUNTED, primary_key=True, autoincrement=True),
    sa.Column("user_id", sa.Text, nullable=True, index=True),
    sa.Column("satisfaction", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""How content people are, 1 to 5, and what they say."""

ERASED = sa.Table(
    "palate_erased",
    TABLES,
    sa.Column("cursor", _COUNTED, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("timestamp", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)
"""Whose data were erased: a salted digest of the id, from which nobody learns it, for other services to follow."""

KEYS = sa.Table(
    "palate_keys",
    TABLES,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text, nullable=True, index=True),
    sa.Column("created", sa.BigInteger, nullable=False),
)
"""Keys of the service, as digests."""


def _media_and_vectors(connection: sa.Connection) -> None:
    for table in (MEDIA, VECTORS):
        table.create(connection)


_STEPS: Mapping[int, Callable[[sa.Connection], None]] = {1: _media_and_vectors}
"""What turns the tables of each version into those of the next."""


def bring_up(connection: sa.Connection) -> str:
    """Make the tables where there are none, or bring them up to date; returns the store's salt.

    Raises:
        StoreError: a newer Palate made them.
    """
    FACTS.create(connection, checkfirst=True)
    facts: dict[str, str] = {row.name: row.value for row in connection.execute(sa.select(FACTS))}
    if not facts:
        TABLES.create_all(connection)
        facts = {"version": str(VERSION), "salt": secrets.token_hex(16)}
        connection.execute(sa.insert(FACTS), [{"name": name, "value": value} for name, value in facts.items()])
    version = int(facts["version"])
    if version > VERSION:
        raise StoreError(
            f"the store's tables have version {version}, and this Palate knows those up to {VERSION}: use the Palate that made "
            "them, or a newer one"
        )
    for step in range(version, VERSION):
        _STEPS[step](connection)
        connection.execute(sa.update(FACTS).where(FACTS.c.name == "version").values(value=str(step + 1)))
    return facts["salt"]

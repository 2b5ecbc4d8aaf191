"""How a database is opened so that what it has accepted is on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from palate.core.errors import ConfigError, StoreError, missing_extra

_WAIT_MS = 30_000
"""How long one writer waits for another."""
_SHOWN = "sqlite:///events.db, or postgresql://user:password@host/database"


def connect(url: str) -> sa.Engine:
    """Open a database by its URL: SQLite, which syncs every commit to disk, or PostgreSQL.

    Raises:
        ConfigError: the URL cannot be read, or names another database.
        StoreError: the file has no folder.
        MissingExtraError: the driver of PostgreSQL is absent.
    """
    try:
        parsed = sa.engine.make_url(url)
    except ArgumentError:
        raise ConfigError(f"the store {url!r} is no URL of a database: give one such as {_SHOWN}") from None
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite(parsed)
    if kind in ("postgresql", "postgres"):
        try:
            return sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=8, max_overflow=8
            )
        except (ModuleNotFoundError, NoSuchModuleError):
            raise missing_extra("psycopg", "postgres", "a store in PostgreSQL") from None
    raise ConfigError(f"the store is of the kind '{kind}': allowed are sqlite and postgresql, as in {_SHOWN}")


def _sqlite(url: sa.URL) -> sa.Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError(f"the store {url} would keep nothing: name a file, as in sqlite:///events.db")
    try:
        Path(url.database).expanduser().parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the store {url} has no folder that can be made ({error.strerror}): name another file, or none"
        ) from error
    engine = sa.create_engine(
        url.set(database=str(Path(url.database).expanduser())), connect_args={"timeout": _WAIT_MS / 1000}
    )

    @sa.event.listens_for(engine, "connect")
    def prepared(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver begins nothing by itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", f"busy_timeout={_WAIT_MS}"):
            connection.execute(f"PRAGMA {pragma}").fetchall()

    @sa.event.listens_for(engine, "begin")
    def begun(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine

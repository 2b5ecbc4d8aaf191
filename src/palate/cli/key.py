"""`palate key`: who may ask a service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._words import words
from palate.core.errors import RequestError, missing_extra


class Action(StrEnum):
    """What is done with a key."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


@app.command()
def key(
    action: Annotated[Action, typer.Argument(help="What to do.", metavar="add|list|remove")],
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Whose service; or any, with --store.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the key.")] = None,
    scope: Annotated[
        str, typer.Option("--scope", help="Of read, write and admin: what the key is for, as in read,write.")
    ] = "read",
    user: Annotated[str | None, typer.Option("--user", help="The one person it is for; default everybody.")] = None,
    store: Annotated[str | None, typer.Option("--store", metavar="URL", help="As of 'palate serve'.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make, list and take back the keys without which nobody may ask a service.

    A key is shown once, when it is made; only a digest of it is kept. A running service follows within a second.
    """
    try:
        from palate.data.store import Store, store_of
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "sqlalchemy", "serve", "keys") from error

    if name is None and action is not Action.LIST:
        raise RequestError(f"palate key {action} needs the name of a key: palate key {action} {bundle} NAME")
    if store is None and not (bundle / "manifest.json").is_file():
        raise RequestError(f"there is no bundle at {bundle}: name one that 'palate train' wrote, or a store by --store")
    kept = Store(store or store_of(bundle))
    try:
        if action is Action.LIST:
            rows = [
                {"name": each.name, "scopes": sorted(each.scopes), "user": each.user_id}
                for each in kept.known_keys().values()
            ]
            emit({"rows": rows}, as_json, lambda: _show(rows))
        elif action is Action.ADD:
            secret = kept.add_key(name or "", words(scope), user)
            emit({"name": name, "key": secret}, as_json, lambda: typer.echo(f"{secret}\nshown once: keep it safe"))
        elif kept.remove_key(name or ""):
            emit(
                {"name": name, "removed": True}, as_json, lambda: typer.echo(f"the key '{name}' opens nothing any more")
            )
        else:
            known = ", ".join(each.name for each in kept.known_keys().values()) or "none"
            raise RequestError(f"there is no key '{name}': there are {known}")
    finally:
        kept.close()


def _show(rows: Sequence[Mapping[str, object]]) -> None:
    if not rows:
        typer.echo("there is no key: the service is open, and listens on this machine alone")
    for row in rows:
        scopes = ", ".join(row["scopes"]) if isinstance(row["scopes"], list) else ""
        typer.echo(f"{row['name']}: {scopes}" + (f", for {row['user']} alone" if row["user"] else ""))

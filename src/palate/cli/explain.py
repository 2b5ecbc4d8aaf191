"""`palate explain`: why an item suits a user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from palate.cli._answers import console
from palate.cli._app import AsJson, app, emit


@app.command()
def explain(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    user: Annotated[str, typer.Option("--user", help="Id of the user.")],
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    as_json: AsJson = False,
) -> None:
    """Say why an item scores as it does for a user: past likes and parts, with their amounts."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine

    engine = Engine(Bundle.open(bundle))
    why = engine.explain(user, item)

    def show() -> None:
        out = console()
        (title,) = engine.titles([item])
        named = f"{item} ({title})" if title != item else item
        if why.score is None:
            out.print(Text(f"{engine.model.name} cannot score {named} for {user}"))
            return
        out.print(Text(f"{named} for {user}: {why.score:.4g} by {engine.model.name}", style="bold"))
        if not why.reasons:
            out.print(Text(f"no reasons: nothing that {user} liked speaks for it or against it"))
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("amount", justify="right")
        table.add_column("share", justify="right")
        table.add_column("reason", max_width=60, overflow="ellipsis")
        rest = 1 - sum(reason.share or 0 for reason in why.reasons if reason.kind == "liked")
        for before, reason in zip([None, *why.reasons], why.reasons, strict=False):
            if before is not None and before.kind != reason.kind:
                _whole(table, before.kind, rest)
                table.add_row()
            share = "" if reason.share is None else f"{reason.share:.0%}"
            said = reason.label if reason.kind == "part" else reason.text
            table.add_row(f"{reason.amount:.4g}", share, Text(said))
        _whole(table, why.reasons[-1].kind, rest)
        out.print(table)

    emit(why.model_dump(mode="json"), as_json, show)


def _whole(table: Table, kind: str, rest: float) -> None:
    """Say after the named likes what all others come to, so that the shares add up."""
    if kind == "liked" and rest > 0.005:
        table.add_row("", f"{rest:.0%}", "other likes, for and against")

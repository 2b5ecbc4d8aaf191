"""`palate explain`: why an item suits a user."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from palate.cli._answers import console
from palate.cli._app import AsJson, app, emit

if TYPE_CHECKING:
    from palate.serving.engine import Engine
    from palate.serving.schemas import Explained


@app.command()
def explain(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    user: Annotated[str, typer.Option("--user", help="Id of the user.")],
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    k: Annotated[int, typer.Option("--k", "-k", help="The list that it would leave without some past likes.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Say why an item scores as it does for a user, and without which past likes it would not be recommended."""
    from palate.bundle import Bundle
    from palate.interfaces import Explains
    from palate.serving.engine import Engine

    engine = Engine(Bundle.open(bundle))
    why = engine.explain(user, item, k)

    def show() -> None:
        out = console()
        (title,) = engine.titles([item])
        named = f"{item} ({title})" if title != item else item
        if why.score is None:
            out.print(Text(f"{engine.model.name} cannot score {named} for {user}"))
            return
        out.print(Text(f"{named} for {user}: {why.score:.4g} by {engine.model.name}", style="bold"))
        if not why.reasons:
            tells = isinstance(engine.model, Explains)
            none = (
                f"nothing that {user} liked speaks for it or against it" if tells else f"{engine.model.name} tells none"
            )
            out.print(Text(f"no reasons: {none}\n\n{_changed(why, engine, k)}"))
            return
        table = Table(box=None, pad_edge=False)
        table.add_column("amount", justify="right")
        table.add_column("share", justify="right")
        table.add_column("reason", max_width=60, overflow="ellipsis")
        others = "other likes, for and against"
        if any(reason.kind == "part" and reason.of == "person" for reason in why.reasons):
            others += f", and what was learned of {user}"
        rest = 1 - sum(reason.share or 0 for reason in why.reasons if reason.kind == "liked")
        for before, reason in zip([None, *why.reasons], why.reasons, strict=False):
            if before is not None and before.kind != reason.kind:
                _whole(table, before.kind, rest, others)
                table.add_row()
            share = "" if reason.share is None else f"{reason.share:z.0%}"
            said = reason.label if reason.kind == "part" else reason.text
            if reason.kind == "part" and round(100 * (reason.share or 0)) < 0:
                said += ", against it"
            table.add_row(f"{reason.amount:.4g}", share, Text(said))
        _whole(table, why.reasons[-1].kind, rest, others)
        out.print(table)
        out.print()
        out.print(Text(_changed(why, engine, k)))

    emit(why.model_dump(mode="json"), as_json, show)


def _changed(why: Explained, engine: Engine, k: int) -> str:
    """Say what would have changed the answer."""
    found = why.without
    if found is None:
        return f"It is not in the list of {k} for {why.user_id}: it was met before, or others are better."
    place = f"It has place {found.rank} in the list of {k}"
    if not found.items:
        return f"{place}, and {'no' if found.smallest else 'no set that was found of the'} past likes change that."
    then = "could not be scored" if found.rank_without is None else f"would have place {found.rank_without:,}"
    these = "this past like" if len(found.items) == 1 else f"these {len(found.items)} past likes"
    few = "" if found.smallest else " (fewer may do: not all sets were tried)"
    return "\n  ".join([f"{place}. Without {these} it {then}{few}:", *engine.titles(found.items)])


def _whole(table: Table, kind: str, rest: float, others: str) -> None:
    """Say after the named likes what all else comes to, so that the shares add up."""
    if kind == "liked" and rest > 0.005:
        table.add_row("", f"{rest:z.0%}", Text(others))

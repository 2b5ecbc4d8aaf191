"""`palate recommend`: the best new items of a user."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli._answers import answer
from palate.cli._app import AsJson, Where, app


@app.command()
def recommend(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    user: Annotated[str, typer.Option("--user", help="Id of the user; somebody unknown gets what is popular.")],
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    where: Where = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="An item that may not come; repeat it.")
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option("--history", help="An item just liked, on top of what is known; repeat it."),
    ] = None,
    diversity: Annotated[
        float, typer.Option("--diversity", help="How much the items should differ, from 0 (off) to 1.")
    ] = 0.0,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight", metavar="PART:X", help="How many times as much a part counts in a model by content; repeat it."
        ),
    ] = None,
    reasons: Annotated[bool, typer.Option("--reasons/--no-reasons", help="Whether to say why.")] = True,
    as_json: AsJson = False,
) -> None:
    """Recommend new items to a user, with reasons."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine
    from palate.serving.options import read_weight

    weights = dict(map(read_weight, weight or []))
    engine = Engine(Bundle.open(bundle))
    found = engine.recommend(
        user,
        k,
        where,
        exclude=exclude or (),
        history=history or (),
        diversity=diversity,
        weights=weights,
        reasons=reasons,
    )
    head = f"{len(found.items)} items for {user} ({engine.model.name})"
    say = f"too little is known of '{user}', so this is what most people like"
    answer(engine, found, as_json, head, say, where)

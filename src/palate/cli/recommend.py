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
    as_json: AsJson = False,
) -> None:
    """Recommend new items to a user, with reasons."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine

    engine = Engine(Bundle.open(bundle))
    found = engine.recommend(user, k, where)
    head = f"{len(found.items)} items for {user} ({engine.model.name})"
    say = f"too little is known of '{user}', so this is what most people like"
    answer(engine, found, as_json, head, say, where)

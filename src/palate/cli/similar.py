"""`palate similar`: items like an item."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._answers import answer
from palate.cli._app import AsJson, Where, app


class _By(StrEnum):
    content = "content"
    behaviour = "behaviour"


@app.command()
def similar(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    item: Annotated[str, typer.Option("--item", help="Id of the item.")],
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    by: Annotated[
        _By | None, typer.Option("--by", help="What counts; by default content, where the item has any.")
    ] = None,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """List items like an item: by what they are, or by who liked them."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine

    engine = Engine(Bundle.open(bundle))
    found = engine.similar(item, k, None if by is None else by.value, where)
    (title,) = engine.titles([item])
    named = f"{item} ({title})" if title != item else item
    answer(engine, found, as_json, f"{len(found.items)} items like {named}", where=where)

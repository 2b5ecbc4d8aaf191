"""`palate search`: items for a text or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli._answers import answer
from palate.cli._app import AsJson, Where, app
from palate.core.errors import RequestError


@app.command()
def search(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    text: Annotated[str | None, typer.Option("--text", help="Words that say what is looked for.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="A picture that shows what is looked for.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Search for items by words or by a picture."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine

    if (text is None) == (image is None):
        raise RequestError("search takes --text or --image: give one of them")
    engine = Engine(Bundle.open(bundle))
    found = engine.search(text=text, image=image, k=k, where=where)
    head = f"{len(found.items)} items for {image.name if image else repr(text)}"
    answer(engine, found, as_json, head, where=where)

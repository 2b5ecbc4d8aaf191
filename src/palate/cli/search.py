"""`palate search`: items for a text, a picture, a sound or several of them, for somebody or for anybody."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._answers import answer
from palate.cli._app import AsJson, Where, app
from palate.core.errors import ConfigError, RequestError


class _How(StrEnum):
    vectors = "vectors"
    words = "words"
    hybrid = "hybrid"


@app.command()
def search(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    text: Annotated[str | None, typer.Option("--text", help="Words that say what is looked for.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="A picture that shows what is looked for.")] = None,
    sound: Annotated[Path | None, typer.Option("--sound", help="A sound like what is looked for.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="Id of a user, whose taste ranks what was found once more.")
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option("--weight", metavar="WAY=W", help="How much text, image, sound or user counts, as in text=0.7."),
    ] = None,
    by: Annotated[
        _How | None, typer.Option("--by", help="How the text is looked for; hybrid (both ways) where it can be.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many items.")] = 10,
    where: Where = None,
    as_json: AsJson = False,
) -> None:
    """Search for items by words, by a picture, by a sound, or by several of them."""
    from palate.bundle import Bundle
    from palate.serving.engine import Engine

    if text is None and image is None and sound is None:
        raise RequestError("search takes --text, --image, --sound or several: give one of them")
    weights = dict(map(_weight, weight or []))
    engine = Engine(Bundle.open(bundle))
    found = engine.search(
        text=text, image=image, sound=sound, k=k, where=where, by=None if by is None else by.value, user=user,
        weights=weights,
    )  # fmt: skip
    named = [*([] if text is None else [repr(text)]), *(file.name for file in (image, sound) if file is not None)]
    known = any(reason.kind == "taste" for hit in found.items for reason in hit.reasons)
    whose = "" if user is None or not found.items else f", to the taste of {user}"
    if whose and not known:
        whose = f"; too little is known of {user} to follow their taste"
    answer(engine, found, as_json, f"{len(found.items)} items for {' and '.join(named)}{whose}", where=where)


def _weight(given: str) -> tuple[str, float]:
    name, _, number = given.partition("=")
    try:
        return name.strip(), float(number)
    except ValueError:
        raise ConfigError(
            f"'{given}' is no weight: write text=0.7, image=0.3, sound=0.3 or user=0.2, with a number from 0 to 1"
        ) from None

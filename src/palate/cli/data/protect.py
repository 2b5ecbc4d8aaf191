"""`palate data protect DS OUT`: pseudonyms for users, masks in texts, media without metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._people import key_of, show_protected
from palate.cli.data._print import say


@data_app.command()
def protect(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder; it stays as it is.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Dataset folder to write.")],
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="KEY", help="File of the key to pseudonyms; made where there is none."),
    ] = None,
    texts: Annotated[bool, typer.Option(help="Mask e-mail addresses, phone and card numbers in texts.")] = True,
    media: Annotated[bool, typer.Option(help="Write pictures, sounds and videos anew without metadata.")] = True,
    regions: Annotated[
        str | None, typer.Option(help="Countries whose phone numbers are known without +, as in US,DE.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write a dataset without what tells who the people in it are; without --key, their ids stay."""
    from palate.data.folder import load
    from palate.data.privacy.phones import REGIONS
    from palate.data.privacy.protect import Protection
    from palate.data.privacy.protect import protect as write

    countries = REGIONS if regions is None else tuple(word.strip() for word in regions.split(",") if word.strip())
    Protection(
        texts=texts, media=media or key is not None, regions=countries
    )  # refuses what is wrong before a key is made
    load(ds, stale=True)
    secret = None if key is None else key_of(key, ds, out)
    done = write(ds, out, Protection(secret, texts, media, countries))

    def show() -> None:
        say(f"protected {ds} into {out}; {ds} is as it was")
        show_protected(done.as_dict(), key, out)
        for note in done.notes:
            say(f"note: {note}")
        say_next(["data", "check", out])

    emit({"path": str(out), **done.as_dict()}, as_json, show)

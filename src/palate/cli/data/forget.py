"""`palate data forget DS --user U`: a person removed, and a receipt for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import figures, listed, say

if TYPE_CHECKING:
    from palate.data.privacy.receipt import Receipt


@data_app.command()
def forget(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder.")],
    user: Annotated[str, typer.Option("--user", help="Id of the user; with --key the id as it came.")],
    key: Annotated[
        Path | None, typer.Option("--key", metavar="KEY", help="File of the key to pseudonyms, where ids are those.")
    ] = None,
    bundles: Annotated[
        list[Path] | None, typer.Option("--bundle", metavar="BUNDLE", help="Also from this bundle; may be repeated.")
    ] = None,
    mentions: Annotated[
        bool | None,
        typer.Option(help="Mask the id where others mention it; by default where it can mean nothing else."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove a person from a dataset and from bundles, search every file for the id, and write a receipt.

    After Ctrl-C, or a kill, the same command goes on.
    """
    from palate.bundle.forget import forget as remove
    from palate.data.privacy.forget import known_as
    from palate.data.privacy.key import Key
    from palate.data.privacy.receipt import FOLDER

    secret = None if key is None else Key.read(key, ds, *(bundles or ()))
    done = remove(ds, known_as(ds, user, secret), bundles or (), mentions)
    path = ds / FOLDER / done.name

    def show() -> None:
        _show(done, ds)
        say(f"the receipt: {path}")
        stale = [str(bundle["path"]) for bundle in done.bundles if bundle["stays"]]
        say_next(["data", "check", ds], *(["refit", bundle, "--out", bundle] for bundle in stale))

    emit({"receipt": str(path), **done.model_dump(mode="json")}, as_json, show)


def _show(done: Receipt, ds: Path) -> None:
    rows = {name: f"{count:,} gone" for name, count in done.removed.items()}
    rows |= {name: f"{count:,} mentions masked" for name, count in done.masked.items()}
    if done.cache:
        rows["cache"] = f"{done.cache:,} files gone, made of reviews of many"
    say(f"removed the user from {ds}")
    figures(rows)
    if done.dropped:
        say(f"parts gone as a whole, to be encoded again: {', '.join(done.dropped)}")
    for bundle in done.bundles:
        told = f"{bundle['events']:,} events, {len(bundle['vectors'])} vectors gone; {bundle['stays']}"
        say(f"{bundle['path']}: {told if bundle['known'] else 'does not know them'}")
    say(f"searched {done.files:,} files, {done.bytes / 1e6:,.1f} MB: the id is in none of them as a user's")
    if done.elsewhere:
        say(
            f"it also stands where it may mean something else: {listed([f'{place} ({n:,})' for place, n in done.elsewhere.items()])}"
        )
        say("--mentions masks it in texts, too")
    if done.unread:
        say(f"packed files were not looked into: {listed(list(done.unread))}")

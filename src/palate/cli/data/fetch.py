"""`palate data fetch DS`: bring the files that media columns name by address."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, emit
from palate.cli._next import say_next
from palate.cli.data import data_app
from palate.cli.data._print import counted, figures, say


@data_app.command()
def fetch(
    ds: Annotated[Path, typer.Argument(metavar="DS", help="Dataset folder.")],
    max_mb: Annotated[float, typer.Option(min=0.001, help="Megabytes of one file, at most.")] = 50.0,
    seconds: Annotated[float, typer.Option(min=0.1, help="For one file, at most.")] = 60.0,
    redirects: Annotated[int, typer.Option(min=0, max=20, help="Of one address, at most.")] = 5,
    private: Annotated[bool, typer.Option("--private", help="Also from servers of a private network.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the pictures, sounds and videos that the tables name by address into the dataset folder.

    The tables stay as they are. What is there is not fetched again; what cannot be had is in the quarantine.
    """
    from palate.data import quarantine
    from palate.data.fetching import Limits, fetch_media
    from palate.data.folder import load

    done = fetch_media(load(ds, stale=True), Limits(max_mb, seconds, redirects, private=private))

    def show() -> None:
        for each in done:
            told = {"addresses": each.addresses, "there already": each.there, "fetched": each.brought}
            say(f"{each.column}:")
            figures({name: f"{count:,}" for name, count in (told | {"refused": each.refused}).items()})
        if any(each.refused for each in done):
            say("why some were refused, listed in quarantine.parquet; run again to try them once more:")
            steps = [f"fetch:{each.column}" for each in done]
            found = quarantine.read(ds)
            counted(quarantine.reasons(found.filter(found["step"].is_in(steps))))
        say_next(["data", "check", ds])

    emit({"rows": [asdict(each) for each in done]}, as_json, show)

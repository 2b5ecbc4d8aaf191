"""`palate evaluate`: a saved recommender on the test part of its data."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, app, emit


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    ds: Annotated[
        Path | None, typer.Argument(metavar="[DS]", help="Its dataset folder, where it is no longer in its place.")
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="The length of the lists.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Judge a bundle by the part of its data that it never saw."""
    from palate.bundle import Bundle
    from palate.evaluation import evaluate as judge

    opened = Bundle.open(bundle)
    found = judge(opened.model, opened.split(ds), k, protocol=opened.recipe.protocol)
    fit = opened.manifest.metrics.get("seconds", {}).get("fit")
    found = replace(found, seconds={**({} if fit is None else {"fit": float(fit)}), **found.seconds})

    def show() -> None:
        typer.echo(str(found))
        typer.echo(f"next: palate recommend {bundle} --user {shlex.quote(opened.data.users.ids[0])}")
        typer.echo(f"      palate serve {bundle}")

    emit(found.to_json(), as_json, show)

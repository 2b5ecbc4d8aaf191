"""`palate refit`: a bundle's recipe on everything that is known, for serving."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._next import say_next
from palate.cli._training import Device, going_on, run_of


@app.command()
def refit(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    out: Annotated[Path, typer.Option("--out", help="Where the new bundle goes; give the old place to replace it.")],
    ds: Annotated[
        Path | None, typer.Argument(metavar="[DS]", help="Its dataset folder, where it is no longer in its place.")
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Fit a bundle again on all its data, held-back parts and new events too, to serve it."""
    from palate.bundle import Bundle
    from palate.bundle import refit as fit_again

    Bundle.refuse_foreign(out)
    opened = Bundle.open(bundle)
    run = run_of(opened.model, device=device, before=opened.completer)
    with going_on(out) as partial:
        made = fit_again(opened, ds, replace(run, checkpoint=partial))
        made.save(out)
    count, seconds = len(made.data.interactions), made.manifest.metrics["seconds"]["fit"]

    def show() -> None:
        typer.echo(f"fitted {made.model.name} on all {count:,} interactions in {seconds:.2f} s")
        typer.echo(f"wrote {out}; nothing was held back, so it cannot be evaluated")
        say_next(["serve", out])

    emit({"out": str(out), "model": made.model.name, "interactions": count, "seconds": {"fit": seconds}}, as_json, show)

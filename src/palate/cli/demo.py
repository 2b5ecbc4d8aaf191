"""`palate demo`: the whole road on a generated shop."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from palate.cli._app import AsJson, app, emit
from palate.cli._demo import Demo, walk
from palate.cli._next import say_next
from palate.core.config import parse_settings
from palate.core.errors import DataError


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder for everything that is made.")] = Path("palate-demo"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Stop after the report, as --json does.")] = False,
    port: Annotated[int, typer.Option("--port", help="0 takes any that is free.")] = 8000,
    settings: Annotated[list[str] | None, typer.Option("--set", help="Of the shop, as in n_items=300.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the whole road on a generated shop: data, vectors, comparison, report, service."""
    from palate.cli.serve import serve
    from palate.serving.server import listen

    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file: name a folder with --out")
    serving = not no_serve and not as_json
    if serving:
        listen("127.0.0.1", port).close()
    road = Demo(out, partial(typer.echo, err=as_json), parse_settings(settings or []))
    walk(road)
    emit(road.as_dict(), as_json, lambda: _show(road, serving))
    if serving:
        serve(road.bundle, port=port)


def _show(road: Demo, serving: bool) -> None:
    typer.echo(f"\ndone in {sum(road.seconds.values()):.0f} s; again it is quicker, since vectors are kept")
    typer.echo(f"look:   {road.report}")
    if not serving:
        say_next(["serve", road.bundle], ["search", road.bundle, "--text", "a playful mug with ocean design"])

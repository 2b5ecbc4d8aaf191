"""`palate serve`: a bundle as a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from palate.cli._app import app
from palate.core.errors import missing_extra
from palate.core.progress import progress


@app.command()
def serve(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    port: Annotated[int, typer.Option("--port", help="0 takes any that is free.")] = 8000,
    index: Annotated[
        str,
        typer.Option("--index", help="How near vectors are found: exact, or hnsw for many items, which may miss some."),
    ] = "exact",
    host: Annotated[str, typer.Option("--host", help="An address of this machine alone.")] = "127.0.0.1",
) -> None:
    """Serve recommendations, search and a page over HTTP, until Ctrl-C."""
    from palate.bundle import Bundle
    from palate.serving import ServingSettings
    from palate.serving.server import address, listen, server_of

    try:
        from palate.serving.app import create_app
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve", "serving") from error

    with listen(host, port) as listener:
        opened = Bundle.open(bundle)
        application = create_app(opened, ServingSettings(index=index))
        with progress("loading encoders"):
            troubles = application.state.engine.prepare()
        for trouble in troubles:
            typer.echo(trouble, err=True)
        server = server_of(application)
        where = address(listener)
        user = quote(opened.data.users.ids[0] if len(opened.data.users) else "anybody", safe="")
        typer.echo(f"{opened.data.name} is served at {where} (Ctrl-C stops it)")
        typer.echo(f"try: curl '{where}/v1/recommend/{user}?k=3'")
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            typer.echo("stopped")

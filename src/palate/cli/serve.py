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
    host: Annotated[
        str, typer.Option("--host", help="An address of this machine alone, or any where the store has keys.")
    ] = "127.0.0.1",
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="Where events are kept: sqlite:///FILE, postgresql://…, or none; default BUNDLE.live/events.db.",
        ),
    ] = None,
) -> None:
    """Serve recommendations, search and a page over HTTP, and learn from events, until Ctrl-C."""
    from palate.bundle import Bundle
    from palate.serving import ServingSettings
    from palate.serving.server import address, listen, server_of

    try:
        from palate.data.store import Store, store_of
        from palate.serving.app import create_app
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve", "serving") from error

    def keeping() -> Store | None:
        return None if store == "none" else Store(store or store_of(bundle))

    def guarded() -> bool:
        kept = keeping()
        return kept is not None and bool(kept.known_keys())

    with listen(host, port, guarded) as listener:
        opened = Bundle.open(bundle)
        kept = keeping()
        application = create_app(opened, ServingSettings(index=index), kept)
        with progress("loading encoders"):
            troubles = application.state.deck.engine.prepare()
        for trouble in troubles:
            typer.echo(trouble, err=True)
        server = server_of(application)
        where = address(listener)
        user = quote(opened.data.users.ids[0] if len(opened.data.users) else "anybody", safe="")
        typer.echo(f"{opened.data.name} is served at {where} (Ctrl-C stops it)")
        typer.echo(f"try: curl '{where}/v1/recommend/{user}?k=3'")
        if kept is not None:
            typer.echo(f"what people do is kept in {kept.place if store else f'{bundle}.live/events.db'}")
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            typer.echo("stopped")

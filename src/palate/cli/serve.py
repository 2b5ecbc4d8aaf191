"""`palate serve`: a bundle as a service."""

from __future__ import annotations

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from palate.cli._app import app
from palate.core.errors import missing_extra
from palate.core.progress import progress

if TYPE_CHECKING:
    from palate.serving import ServingSettings


class _Log(StrEnum):
    json = "json"
    text = "text"
    none = "none"


@app.command()
def serve(
    bundle: Annotated[Path, typer.Argument(help="A bundle that 'palate train' wrote.")],
    port: Annotated[int | None, typer.Option("--port", help="0 takes any that is free; default 8000.")] = None,
    index: Annotated[
        str | None,
        typer.Option(
            "--index",
            help="How near vectors are found: exact, hnsw (which may miss some), or auto, exact below 200,000 items.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host", help="An address of this machine alone, or any where the store has keys; default 127.0.0.1."
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            "--store",
            metavar="URL",
            help="Where events are kept: sqlite:///FILE, postgresql://…, or none; default BUNDLE.live/events.db.",
        ),
    ] = None,
    log: Annotated[
        _Log | None, typer.Option("--log", help="A line for each request, on standard error; default none.")
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", metavar="FILE", help="A TOML file; PALATE_SERVE_… in the environment counts over it."
        ),
    ] = None,
    show_settings: Annotated[
        bool, typer.Option("--show-settings", help="Print the settings in force and where each comes from, and stop.")
    ] = False,
) -> None:
    """Serve recommendations, search and a page over HTTP, and learn from events, until Ctrl-C."""
    from palate.serving.sources import gather

    given = {"port": port, "index": index, "host": host, "store": store, "log": log and log.value}
    in_force = gather(settings, os.environ, given)
    if not show_settings:
        _serve(bundle, in_force.settings)
        return
    rows = list(in_force.rows())
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, source in rows:
        typer.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}")


def _serve(bundle: Path, settings: ServingSettings) -> None:
    from palate.bundle import Bundle
    from palate.serving.logs import logging_to
    from palate.serving.server import address, listen, server_of, settle

    try:
        from palate.data.store import Store, store_of
        from palate.serving.app import create_app
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "fastapi", "serve", "serving") from error

    def keeping() -> Store | None:
        return None if settings.store == "none" else Store(settings.store or store_of(bundle))

    def guarded() -> bool:
        kept = keeping()
        return kept is not None and bool(kept.known_keys())

    with listen(settings.host, settings.port, guarded) as listener, logging_to(settings.log, settings.log_file):
        kept = keeping()
        application = create_app(Bundle.open(bundle), settings, kept)
        data = application.state.deck.engine.bundle.data  # the bundle itself is let go of when another takes its place
        with progress("loading encoders"):
            troubles = application.state.deck.engine.prepare()
        for trouble in troubles:
            typer.echo(trouble, err=True)
        server = server_of(application, settings)
        where = address(listener)
        user = quote(data.users.ids[0] if len(data.users) else "anybody", safe="")
        typer.echo(f"{data.name} is served at {where} (Ctrl-C stops it)")
        typer.echo(f"try: curl '{where}/v1/recommend/{user}?k=3'")
        if kept is not None:
            typer.echo(f"what people do is kept in {kept.place if settings.store else f'{bundle}.live/events.db'}")
        settle()
        # uvicorn sends itself the signal once more when it has stopped
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            server.run(sockets=[listener])
        except KeyboardInterrupt:
            typer.echo("stopped")
        finally:
            signal.signal(signal.SIGTERM, before)

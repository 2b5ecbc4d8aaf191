"""`palate data …`: bring data in, look at it, clean it, split it, or make some up."""

from __future__ import annotations

import typer

from palate.cli._app import app

data_app = typer.Typer(help="Bring data in, check, clean and split it, or generate some.", no_args_is_help=True)
app.add_typer(data_app, name="data")

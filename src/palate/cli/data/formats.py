"""`palate data formats`: what can be imported, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson
from palate.cli._listing import listing
from palate.cli.data import data_app
from palate.data.sources import registry


@data_app.command()
def formats(as_json: AsJson = False) -> None:
    """List the formats that can be imported."""
    listing(registry, as_json)

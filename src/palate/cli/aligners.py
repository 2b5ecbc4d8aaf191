"""`palate aligners`: what there is, one line each."""

from __future__ import annotations

from palate.align import registry
from palate.cli._app import AsJson, app
from palate.cli._listing import listing


@app.command()
def aligners(as_json: AsJson = False) -> None:
    """List what brings parts into one space."""
    listing(registry, as_json)

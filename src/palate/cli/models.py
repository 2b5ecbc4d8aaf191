"""`palate models`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.models import registry


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the recommenders."""
    listing(registry, as_json)

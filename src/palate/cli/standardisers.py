"""`palate standardisers`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.standardise import registry


@app.command()
def standardisers(as_json: AsJson = False) -> None:
    """List what brings the dimensions of parts to a common scale."""
    listing(registry, as_json)

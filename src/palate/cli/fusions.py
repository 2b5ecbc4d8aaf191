"""`palate fusions`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.fusion import registry


@app.command()
def fusions(as_json: AsJson = False) -> None:
    """List the fusions."""
    listing(registry, as_json)

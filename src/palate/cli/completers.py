"""`palate completers`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.complete import registry


@app.command()
def completers(as_json: AsJson = False) -> None:
    """List what estimates the parts that items lack."""
    listing(registry, as_json)

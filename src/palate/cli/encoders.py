"""`palate encoders`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.encoders import registry
from palate.encoders.speech import registry as recognisers


@app.command()
def encoders(as_json: AsJson = False) -> None:
    """List the encoders, and the recognisers that turn speech into text."""
    listing([registry, recognisers], as_json)

"""`palate augmentations`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing


@app.command()
def augmentations(as_json: AsJson = False) -> None:
    """List what makes views of texts, pictures and sounds, for --augment of 'palate encode'."""
    from palate.augment import registry

    listing(registry, as_json)

"""`palate fusions`: what there is, one line each."""

from __future__ import annotations

from palate.cli._app import AsJson, app
from palate.cli._listing import listing
from palate.fusion import late, registry


@app.command()
def fusions(as_json: AsJson = False) -> None:
    """List the fusions: early ones, of vectors (--fuse), and late ones, of scores (--late)."""
    listing({"early": registry, "late": late.registry}, as_json)

"""What a model by content loses where parts of the catalogue are missing, as a table and a plot."""

from __future__ import annotations

from pathlib import Path

from grounds import Ground

from palate.bundle import Recipe
from palate.data.split import split
from palate.evaluation import missing_curve
from palate.evaluation.missing_report import write_missing

DROPS = [f"{part}=0.1..0.9:0.2" for part in ("poster", "title", "genres", "all")]


def write_curves(ground: Ground, fields: dict[str, object], real: Path, out: Path) -> list[Path]:
    """Draw the curves of one model, with the settings that it was tuned to; return the files."""
    data = ground.data(real, out)
    cut = split(data, ground.how, 0)
    found = missing_curve(lambda _: Recipe.of(fields).build(data.features), cut, DROPS, metrics=["recall", "ndcg"])
    return [write_missing(target, data, found) for target in (out / "missing.svg", out / "missing.md")]

"""The data that models are compared on, imported and encoded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from palate.bundle import Recipe
from palate.cli import _run
from palate.data.dataset import Dataset
from palate.data.folder import load


@dataclass(frozen=True)
class Ground:
    """One data set under one split."""

    name: str
    source: str
    """Format of the import."""
    folder: str
    """Inside the folder of real data, and inside that of imported ones."""
    how: str
    positive: str = "weight>0"
    encode: Mapping[str, str] = field(default_factory=dict)
    """Modality -> encoder."""

    def data(self, real: Path, out: Path) -> Dataset:
        """Return the data set, imported and encoded where that has not been done."""
        place = out / "data" / self.folder
        if not (place / "dataset.toml").is_file():
            _palate("data", "import", self.source, str(real / self.folder), str(place))
        if self.encode:
            options = [word for name, encoder in self.encode.items() for word in (f"--{name}", encoder)]
            _palate("encode", str(place), *options)
        return Recipe(model="popularity", positive=self.positive).prepared(load(place))


_FILMS = {"source": "movielens", "folder": "movielens-posters", "positive": "weight>=4"}
_SENSES = {"text": "use", "image": "efficientnet-lite0"}

GROUNDS = {
    ground.name: ground
    for ground in (
        Ground("amazon-baby", "mmrec", "amazon-baby", "as-labelled"),
        Ground("tiktok", "mmrec", "tiktok", "as-labelled"),
        Ground("movielens-posters, random", how="random-per-user", encode=_SENSES, **_FILMS),
        Ground("movielens-posters, leave-last-out", how="leave-last-out", encode=_SENSES, **_FILMS),
        Ground("movielens-posters, cold-items", how="cold-items", encode=_SENSES, **_FILMS),
    )
}


def _palate(*words: str) -> None:
    if _run(list(words), debug=True):
        raise SystemExit(f"palate {' '.join(words)} failed")

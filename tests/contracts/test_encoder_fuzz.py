"""Two hundred deliberately broken inputs of each modality: no crash, and every one is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from encoder_inputs import MAKERS, NEEDS_WEIGHTS, SETTINGS

from fuzzer import broken
from palate.core.ids import IdMap
from palate.data import quarantine
from palate.data.catalogue import MEDIA_TYPES, Catalogue
from palate.data.dataset import Dataset
from palate.data.folder import load, save
from palate.data.interactions import Interactions
from palate.encoders import registry
from palate.encoders.pipeline import encode_columns
from palate.interfaces import Raw

MODALITIES = {name: registry.get(name).modality for name in registry.names()}
PLAIN = {
    modality: min((name for name, kind in MODALITIES.items() if kind == modality), key=lambda n: (n in NEEDS_WEIGHTS, n in SETTINGS, n))
    for modality in MODALITIES.values()
}  # fmt: skip
"""The encoder of each modality that gets all two hundred; the others get as many as there are ways of breaking."""
NAMES = [
    pytest.param(
        name,
        marks=[pytest.mark.weights] * (name in NEEDS_WEIGHTS) + [pytest.mark.soak] * (PLAIN[kind] != name),
    )
    for name, kind in MODALITIES.items()
]
"""The default tests break inputs for the plain encoder of each modality, `make soak` for all."""


def shop(folder: Path, modality: str, raw: Sequence[Raw]) -> Dataset:
    ids = IdMap(f"i{number}" for number in range(len(raw)))
    values = [str(Path(entry).relative_to(folder)) if isinstance(entry, Path) else entry for entry in raw]
    table = pl.DataFrame({"item_id": ids.series, "it": values})
    save(Dataset(IdMap([]), ids, Interactions.empty(), Catalogue(table, {"it": modality}, root=folder)), folder / "ds")  # type: ignore[dict-item]
    return load(folder / "ds")


@pytest.mark.parametrize("name", NAMES)
def test_broken_inputs_are_accounted_for(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALATE_DECODE_SECONDS", "60")
    modality = MODALITIES[name]
    raw = broken(modality, 200 if PLAIN[modality] == name else 30, tmp_path / "media" / "it", 0, MAKERS[modality])
    encoder = registry.get(name)(**(SETTINGS[name](tmp_path) if name in SETTINGS else {}))
    data = shop(tmp_path, modality, raw)
    data, (done,) = encode_columns(data, {"it": encoder})
    part, told = data.features["it"], quarantine.read(tmp_path / "ds")
    reasons = dict(zip(told["id"], told["reason"], strict=True))
    assert done.rows == len(raw)
    assert np.isfinite(part.values).all()
    for number, entry in enumerate(raw):
        reason = reasons.get(f"i{number}")
        if reason is None and not part.present[number]:
            assert modality not in MEDIA_TYPES
            assert not str(entry).strip() or encoder.decode(entry) is None, entry
        else:
            assert part.present[number] != (reason is not None), (entry, reason)
        # what an encoder does not foresee, and what kills its process, is accounted for too, yet nothing to be proud of
        assert not (reason or "").startswith(("the decoder failed", "the decoder crashed", "decoding took")), (
            entry,
            reason,
        )
    assert part.present.any()
    assert not part.present.all()


def test_the_same_seed_breaks_the_same_way(tmp_path: Path) -> None:
    for modality in ("image", "text"):
        first = broken(modality, 60, tmp_path / modality / "a", 3)
        again = broken(modality, 60, tmp_path / modality / "b", 3)
        other = broken(modality, 60, tmp_path / modality / "c", 4)
        read = [
            [entry if isinstance(entry, str) else entry.read_bytes() for entry in some]
            for some in (first, again, other)
        ]
        assert read[0] == read[1]
        assert read[0] != read[2]

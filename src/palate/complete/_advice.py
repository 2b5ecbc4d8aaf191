"""Which completer a catalogue with holes is best served by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from palate.complete._base import HiddenError
from palate.core.ids import IdMap
from palate.core.rng import generator
from palate.data.dataset import Dataset, bare_catalogue
from palate.data.features import FeatureTable
from palate.interfaces import Parts

TRIED = ("graph", "nearest", "ridge")
"""Completers that are quick, and tell one thing from another."""
_HELD_OUT = 0.3
_ITEMS = 4000
"""Items of training that are looked at, at most."""
_KNOWN = 20
"""Items that must have a part, at least, for its holes to be judged."""
_WORTH = 0.05
"""Cosine below which estimates tell next to nothing, and by which another must come nearer than the default to be told instead."""
_SURE = 3.0
"""Standard errors that a cosine must be above 0, as the best of several."""
DEFAULT = "graph"
"""What is told where no other comes clearly nearer: likes tell it what no other part does, and recommendations gain most by that."""


@dataclass(frozen=True)
class Advice:
    """How near each completer came to known rows that were hidden, and which came nearest."""

    parts: tuple[str, ...]
    """Those that some items lack."""
    errors: Mapping[str, Mapping[str, HiddenError]]
    """By completer and part."""

    @property
    def cosines(self) -> dict[str, float]:
        """Mean cosine over these parts, what could not be estimated counted as 0, by completer, the best first."""
        means = {
            name: float(np.mean([found[part].cosine * found[part].reached for part in self.parts]))
            for name, found in self.errors.items()
        }
        return dict(sorted(means.items(), key=lambda pair: -pair[1]))

    @property
    def best(self) -> str | None:
        """The completer that is worth it: the default, or what came clearly nearer; None where even that tells next to nothing."""
        name, cosine = next(iter(self.cosines.items()))
        doubt = np.mean([self.errors[name][part].doubt for part in self.parts]) / len(self.parts) ** 0.5
        if cosine < max(_WORTH, _SURE * doubt):
            return None
        return DEFAULT if self.cosines.get(DEFAULT, -1.0) > cosine - _WORTH else name

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"parts": list(self.parts), "best": self.best, "cosines": self.cosines}


def advised(data: Dataset, names: Iterable[str] = TRIED, seed: int = 0) -> Advice | None:
    """Hide known rows of the parts that have holes, and see which completer comes nearest.

    Args:
        data: what to look at: items that occur in it are learned from, a sample where they are many.
        names: completers.
        seed: of the sample and of what is hidden.

    Returns:
        What was found; None where no part of items has holes, or too few items have it.

    Raises:
        UnknownNameError: there is no completer of that name.
    """
    from palate.complete import registry

    if not data.part_names():
        return None
    met = np.unique(data.interactions.item)
    rng = generator(seed, "advice")
    codes = np.sort(rng.permutation(met)[:_ITEMS]) if len(met) else np.arange(min(len(data.items), _ITEMS))
    parts, some = _some(data, data.item_parts(), codes.astype(np.int64))
    holed = tuple(name for name, table in parts.items() if not table.known.all() and table.known.sum() >= _KNOWN)
    if not holed:
        return None
    kinds = {name: registry.get(name) for name in names}
    errors = {
        name: kind(held_out=_HELD_OUT).fit(parts, some, generator(seed, "complete", name)).errors
        for name, kind in kinds.items()
    }
    return Advice(holed, errors)


def _some(data: Dataset, parts: Parts, codes: np.ndarray) -> tuple[dict[str, FeatureTable], Dataset]:
    """Return the parts of some items, and a dataset of these items with what was done to them."""
    place = np.full(len(data.items), -1, np.int32)
    place[codes] = np.arange(len(codes), dtype=np.int32)
    events = data.interactions.take(np.flatnonzero(place[data.interactions.item] >= 0))
    ids = IdMap(data.items.decode(codes))
    events = replace(events, item=place[events.item])
    return {name: table.take(codes) for name, table in parts.items()}, Dataset(
        data.users, ids, events, bare_catalogue(ids)
    )

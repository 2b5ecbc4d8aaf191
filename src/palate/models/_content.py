"""What recommenders by content share: the fused parts of items, and how they are saved and divided."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import NonNegativeFloat

from palate.core.config import Config
from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.core.state import Array, State
from palate.core.types import JSON, Codes, Floats
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.fusion import registry
from palate.fusion.concat import Concat
from palate.fusion.weighted import Weighted
from palate.interfaces import Fusion, Parts, Run, Settles
from palate.models._base import Model
from palate.models._deep_parts import shares


class ContentConfig(Config):
    """What every recommender by content can be told."""

    parts: tuple[str, ...] | None = None
    """Names of the parts to look at; None takes every part of items."""
    weights: dict[str, NonNegativeFloat] | None = None
    """How much each part counts in the fused vectors: as the fusion `weighted` has it, which is taken then. Only ratios matter; a part that
    is not named, or has 0, is left out."""


K = TypeVar("K", bound=ContentConfig)


def fusion_of(name: str, config: ContentConfig, fusion: Fusion | None) -> Fusion:
    """Return how a model puts parts together: by the fusion that it was given, or side by side, with weights where it has some.

    Raises:
        ConfigError: it was given weights of parts, and a fusion that knows none.
    """
    if config.weights is None:
        return fusion if fusion is not None else Concat()
    if fusion is not None and not isinstance(fusion, Weighted):
        raise ConfigError(
            f"{name} was given weights of parts, and the fusion {fusion.name}, which knows none: leave one of the two out"
        )
    return Weighted(weights=config.weights)


def unfitted(fusion: Fusion, config: ContentConfig, parts: Parts) -> Fusion:
    """Return the same fusion to be fitted on these parts, since another model may hold the one given.

    Raises:
        ConfigError: the weights name a part that is not there, or all are 0.
    """
    kind: Any = type(fusion)
    if config.weights is None:
        return kind(fusion.config)  # type: ignore[no-any-return]
    return Weighted(weights=shares(config.weights, parts))


class ContentModel(Model[K]):
    """Base of the recommenders by content: they place items by fused parts, and need no interactions to do so.

    Raises:
        ConfigError: weights of parts were given, and a fusion that knows none; when fitted, they name a part that is not there, or all are 0.
    """

    requires = frozenset({"features"})

    fusion: Fusion
    parts: Mapping[str, FeatureTable]
    vectors: FeatureTable

    def __init__(self, config: K | None = None, /, *, fusion: Fusion | None = None, **settings: Any) -> None:
        super().__init__(config, **settings)
        self.fusion = fusion_of(self.name, self.config, fusion)

    def item_vectors(self) -> FeatureTable:
        """Return the fused vectors of items, of unit length."""
        return self.vectors

    def spec(self) -> dict[str, Any]:
        """Return the name, the settings and the fusion."""
        return {
            **super().spec(),
            "fusion": {"name": self.fusion.name, "settings": self.fusion.config.model_dump(mode="json")},
        }

    def _place_items(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        """Fit the fusion on the items' parts and fuse them; validation may choose something of it.

        Raises:
            DataError: there are no parts, one of them is not of items, or no item has any.
        """
        parts = train.item_parts(self.config.parts)
        if not any(table.present.any() for table in parts.values()):
            raise DataError(f"no item has any of the parts {', '.join(parts)}: encode them again or choose other parts")
        self.parts = parts
        self.fusion = unfitted(self.fusion, self.config, parts)
        self.fusion.fit(parts, train, generator(run.seed, "fusion"), valid)
        self.vectors = self.fusion.fuse(parts)

    def settled(self) -> Self:
        """Return an unfitted model whose fusion keeps what validation chose, where it did."""
        fusion = self.fusion.settled() if isinstance(self.fusion, Settles) else self.fusion
        return type(self)(self.config, fusion=fusion)

    def reading(self, parts: Parts) -> Self:
        """Return the same fitted model over other rows of its parts; what it and its fusion learned stays.

        Raises:
            DataError: a part is standardised in another way than the one that it was fitted on.
        """
        for name, table in self.parts.items():
            if parts[name].standardised != table.standardised:
                given, was = (
                    f"'{way}'" if way else "nothing" for way in (parts[name].standardised, table.standardised)
                )
                raise DataError(
                    f"the part '{name}' was standardised by {was} when {self.name} was fitted, and by {given} now: give it as it was "
                    "given then, by the standardiser that was fitted with the model"
                )
        other = copy.copy(self)
        other.parts = {name: parts[name] for name in self.parts}
        other.vectors = other.fusion.fuse(other.parts)
        return other

    def _by_part(self, history: Codes, item: int, factors: Floats) -> dict[str, float]:
        """Divide the sum of factor * cosine(liked item, item) over the parts."""
        shares = self.fusion.shares(self.parts, history, np.full(len(history), item, dtype=np.int32))
        return {name: float(np.dot(amounts, factors)) for name, amounts in shares.items()}

    def _item_by_part(self, item: int) -> dict[str, Floats]:
        """Divide an item's fused vector over its parts; float32[d] each, which add up to it.

        A part gets its own vector, fused alone, at the length that fits best (least squares); exact where the fusion
        adds its parts up. What no part says alone is spread evenly over those that the item has.
        """
        row = np.array([item], dtype=np.int32)
        own = {name: table.take(row) for name, table in self.parts.items()}
        whole = self.vectors.values[item]
        alone = {name: self.fusion.fuse({name: table}).values[0] for name, table in own.items() if table.present[0]}
        if not alone:
            return {}
        directions = np.stack(list(alone.values()), axis=1)
        lengths = np.linalg.lstsq(directions, whole, rcond=None)[0]
        rest = (whole - directions @ lengths) / len(alone)
        shares = {name: (length * unit + rest).astype(np.float32)
                  for (name, unit), length in zip(alone.items(), lengths, strict=True)}  # fmt: skip
        return {name: shares.get(name, np.zeros_like(whole)) for name in self.parts}

    def state(self) -> State:
        """The parts, and the fusion with what it learned; fused vectors follow from these."""
        arrays: dict[str, Array] = {}
        tables: list[JSON] = []
        for number, (name, table) in enumerate(self.parts.items()):
            arrays[f"values.{number}"], arrays[f"present.{number}"] = table.values, table.present
            about: dict[str, JSON] = {"name": name, "source": table.source, "modality": table.modality}
            tables.append(about if table.standardised is None else {**about, "standardised": table.standardised})
        spec = self.spec()["fusion"]
        return State(arrays, {"parts": tables, "fusion_spec": spec}).joined("fusion", self.fusion.state())

    def load_state(self, state: State) -> Self:
        """Take over parts and fusion, whichever fusion this instance was built with."""
        spec = state.meta["fusion_spec"]
        if self.fusion.name != spec["name"] or self.fusion.config.model_dump(mode="json") != spec["settings"]:
            kind: Any = registry.get(spec["name"])
            self.fusion = kind(kind.config_type.of(spec["settings"]))
        self.fusion.load_state(state.nested("fusion"))
        self.parts = {
            about["name"]: FeatureTable(
                state.arrays[f"values.{number}"],
                state.arrays[f"present.{number}"],
                about["source"],
                modality=about["modality"],
                standardised=about.get("standardised"),
            )
            for number, about in enumerate(state.meta["parts"])
        }
        self.vectors = self.fusion.fuse(self.parts)
        return self

"""From the other parts, by boosted trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveFloat, PositiveInt

from palate.complete._base import Completer, CompleterConfig, Known
from palate.complete._trees import Forest, grown
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset


class BoostingConfig(CompleterConfig):
    """How many trees, how deep, and what they see."""

    dim: PositiveInt = 32
    """Main directions of each part that are read, and that are foretold."""
    rounds: PositiveInt = 100
    """Trees, for each part."""
    depth: PositiveInt = 5
    """Of a tree."""
    lr: PositiveFloat = 0.1
    """How much of what a tree says is believed."""
    leaf: PositiveInt = 10
    """Things in a leaf, at least."""
    sample: float = Field(0.5, gt=0, le=1)
    """Share of the things that a tree sees."""


class Boosting(Completer[BoostingConfig]):
    """Foretell what a thing lacks from its other parts, by trees of which each mends what those before it left.

    F_t = F_(t-1) + lr tree_t(x), where tree_t is fitted to y - F_(t-1) on a share of the things (gradient boosting of the squared
    error: Friedman 2001, algorithm 2; 2002). One tree foretells all directions of the part together. A direction that is absent
    goes the way that serves training best.

    Missing data:
        A thing without any other part stays without. Trees take absent parts as they are.
    """

    name = "boosting"
    config_type = BoostingConfig
    paper: ClassVar[str] = "Friedman 2001; Friedman 2002"
    cost: ClassVar[str] = "rounds times n log n per direction read"

    directions: Mapping[str, Floats]
    forests: Mapping[str, Forest]

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        self.directions = {name: things.directions(name, self.config.dim) for name in self.known_parts}
        self.forests = {}
        for name in self.known_parts:
            there = things.present[name] & self._others(name, things)
            if there.sum() >= 2 * self.config.leaf:
                y = things.rows[name][there] @ self.directions[name]
                self.forests[name] = grown(self._inputs(name, things)[there], y, self.config, rng)

    def _inputs(self, name: str, things: Known) -> Floats:
        """Return the other parts along their main directions, NaN where absent; float32[n, all directions]."""
        found = []
        for other in self.known_parts:
            if other != name:
                rows = things.rows[other] @ self.directions[other]
                rows[~things.present[other]] = np.nan
                found.append(rows)
        return np.hstack(found) if found else np.zeros((len(things.codes), 0), np.float32)

    def _others(self, name: str, things: Known) -> Mask:
        masks = [things.present[other] for other in self.known_parts if other != name]
        return np.any(masks, axis=0) if masks else np.zeros(len(things.codes), bool)

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        told = self._others(name, things) & (name in self.forests)
        values = np.zeros_like(things.rows[name])
        if told.any():
            values[told] = self.forests[name](self._inputs(name, things)[told]) @ self.directions[name].T
        return values, told

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        found: dict[str, npt.NDArray[Any]] = {}
        for number, name in enumerate(self.known_parts):
            found[f"directions.{number}"] = self.directions[name]
            if name in self.forests:
                found |= {f"forest.{number}.{key}": value for key, value in self.forests[name]._asdict().items()}
        return found

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self.directions = {name: arrays[f"directions.{number}"] for number, name in enumerate(self.known_parts)}
        self.forests = {
            name: Forest(*(arrays[f"forest.{number}.{key}"] for key in Forest._fields))
            for number, name in enumerate(self.known_parts)
            if f"forest.{number}.{Forest._fields[0]}" in arrays
        }

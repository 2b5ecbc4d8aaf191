"""All parts side by side, each as heavy as told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import Codes, Floats
from palate.fusion._base import Fitting, Units
from palate.fusion._foretelling import Asked, qualities
from palate.fusion._search import best_weights
from palate.fusion._slots import SlotFusion
from palate.interfaces import Parts

_BLOCK = 2048


class WeightedConfig(Config):
    """How much each part counts."""

    weights: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    """Part name -> its share of the likeness of two things that have all parts; only ratios matter, 0 leaves a part
    out. None finds them."""
    by: Literal["coverage", "quality", "validation"] = "coverage"
    """How they are found where none are given. coverage: the share of trained rows that have the part. quality: by how much its
    likeness tells what one person liked from what two did. validation: the best NDCG@20 there, of lists by the mean of what was liked."""


class Weighted(SlotFusion[WeightedConfig]):
    """Put the parts side by side, each standardised, of length one, and scaled by the root of its weight.

    cos(a, b) = sum over parts that both have of w_p <a_p, b_p> / sqrt(w(a) w(b)), where w(a) sums the weights of the
    parts of a. With all parts there, w_p / sum of w is the part's share of a perfect likeness. Weights that are found and would all
    be 0 are alike.

    Missing data:
        An absent part is a slot of zeros, and does not count in the length.
    Raises:
        DataError: the weights do not name exactly the parts, or all are 0; or there are no likes by which they could be found.
        ConfigError: they are to be found by validation, and there is none.
    """

    name = "weighted"
    config_type = WeightedConfig
    paper: ClassVar[str] = "Atrey et al. 2010"
    cost: ClassVar[str] = "n w; by quality 20,000 w more, by validation 15 q n w m at most for q people"

    def _fit(self, given: Fitting) -> None:
        weights: Mapping[str, float] | None = self.config.weights
        if weights is None:
            self.weights = dict.fromkeys(given.parts, 1.0)
            found = self._found(given)
            weights = found if any(found.values()) else self.weights
        elif set(weights) != set(given.parts):
            raise DataError(
                f"the weights name {', '.join(sorted(weights)) or 'nothing'} and the parts are {', '.join(given.parts)}: "
                "give each part one weight (0 leaves it out)"
            )
        total = sum(weights.values())
        if total <= 0:
            raise DataError("all weights are 0: give at least one part a weight above 0")
        self.weights = {name: weights[name] / total for name in given.parts}

    def _found(self, given: Fitting) -> Mapping[str, float]:
        if self.config.by == "quality":
            return qualities(given, lambda left, right: self._cosines(given.parts, left, right))
        if self.config.by == "validation":
            asked, units = Asked.of(given), self._all(given.parts)
            return best_weights(given.parts, lambda weights: asked.ndcg(units, weights))
        rows = given.trained if given.trained.any() else np.ones(len(given.trained), dtype=bool)
        return {name: float(table.present[rows].mean()) for name, table in given.parts.items()}

    def _all(self, parts: Parts) -> Units:
        found = {name: np.zeros_like(table.values) for name, table in parts.items()}
        rows = np.arange(len(next(iter(parts.values()))), dtype=np.int32)
        for start in range(0, len(rows), _BLOCK):
            for name, units in self._units(parts, rows[start : start + _BLOCK]).items():
                found[name][start : start + _BLOCK] = units
        return found

    def _cosines(self, parts: Parts, left: Codes, right: Codes) -> dict[str, Floats]:
        """Return the cosine of pairs by each part; float32[n], NaN where one of the two lacks it."""
        found = {name: np.full(len(left), np.nan, dtype=np.float32) for name in parts}
        for start in range(0, len(left), _BLOCK):
            block = slice(start, start + _BLOCK)
            mine, yours = self._units(parts, left[block]), self._units(parts, right[block])
            for name, table in parts.items():
                both = table.present[left[block]] & table.present[right[block]]
                found[name][block][both] = np.einsum("nd,nd->n", mine[name][both], yours[name][both])
        return found

    def settled(self) -> Self:
        """Return an unfitted fusion with the weights that validation chose, where it did."""
        chosen = self.config.weights is None and self.config.by == "validation"
        return type(self)(self.config.model_copy(update={"weights": dict(self.weights)} if chosen else {}))

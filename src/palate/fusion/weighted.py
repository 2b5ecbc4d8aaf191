"""All parts side by side, each as heavy as told."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import NonNegativeFloat

from palate.core.config import Config
from palate.core.errors import DataError
from palate.fusion._base import Fitting
from palate.fusion._slots import SlotFusion


class WeightedConfig(Config):
    """How much each part counts."""

    weights: dict[str, NonNegativeFloat] | None = None
    """Part name -> its share of the likeness of two things that have all parts; only ratios matter, 0 leaves a part
    out. None weighs a part by its coverage: the share of trained rows that have it."""


class Weighted(SlotFusion[WeightedConfig]):
    """Put the parts side by side, each standardised, of length one, and scaled by the root of its weight.

    cos(a, b) = sum over parts that both have of w_p <a_p, b_p> / sqrt(w(a) w(b)), where w(a) sums the weights of the
    parts of a. With all parts there, w_p / sum of w is the part's share of a perfect likeness.

    Missing data:
        An absent part is a slot of zeros, and does not count in the length.
    Raises:
        DataError: the weights do not name exactly the parts, or all are 0.
    """

    name = "weighted"
    config_type = WeightedConfig
    paper: ClassVar[str] = "Atrey et al. 2010"
    cost: ClassVar[str] = "n w"

    def _fit(self, given: Fitting) -> None:
        weights = self.config.weights
        if weights is None:
            rows = given.trained if given.trained.any() else np.ones(len(given.trained), dtype=bool)
            weights = {name: float(table.present[rows].mean()) for name, table in given.parts.items()}
            if not any(weights.values()):
                weights = dict.fromkeys(given.parts, 1.0)
        elif set(weights) != set(given.parts):
            raise DataError(
                f"the weights name {', '.join(sorted(weights)) or 'nothing'} and the parts are {', '.join(given.parts)}: "
                "give each part one weight (0 leaves it out)"
            )
        total = sum(weights.values())
        if total <= 0:
            raise DataError("all weights are 0: give at least one part a weight above 0")
        self.weights = {name: weights[name] / total for name in given.parts}

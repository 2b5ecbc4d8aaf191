"""The mean row of those that are there."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from palate.complete._base import Completer, CompleterConfig, Known
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset


class Mean(Completer[CompleterConfig]):
    """Give a thing that lacks a part the mean of those that have it: the measure of what the others gain.

    Missing data:
        Every thing gets the same, so nothing is told of what sets it apart, and likeness by that part is lost on it.
    """

    name = "mean"
    paper: ClassVar[str] = "Wilks 1932"
    cost: ClassVar[str] = "n w"

    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        """Learn nothing: the mean of standardised rows is 0."""

    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        return np.zeros_like(things.rows[name]), np.ones(len(things.codes), bool)

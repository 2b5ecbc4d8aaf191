"""Median 0 and a spread of 1 in each dimension, which wild rows do not move."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat

from palate.core.config import Config
from palate.core.types import Floats
from palate.linalg.standard import Standard, varies
from palate.standardise._base import Standardiser

_IN_DEVIATIONS = 1.3489795003921634
"""The interquartile range of normal values, in deviations."""
_COLUMNS = 256
"""Dimensions that are sorted at a time."""


class RobustConfig(Config):
    """How far a wild value reaches."""

    clip: PositiveFloat = 5.0
    """A value counts as at most so many deviations from the median."""


class Robust(Standardiser[RobustConfig]):
    """Take off the median, divide by the interquartile range, and hold wild values at `clip`: a few of them drown nothing.

    z = min(max((x - median) / s, -clip), clip), s = (q75 - q25) / 1.349, which is the deviation where values are normal. Where the range is
    0, as where most values are the same, s is the root mean square distance from the median; a dimension that never varies becomes 0.

    Missing data:
        Absent rows stay absent. With fewer than two rows to learn from, a part is left as it is.
    """

    name = "robust"
    config_type = RobustConfig
    paper: ClassVar[str] = "Huber 1981"
    cost: ClassVar[str] = "n w log n"

    def _measured(self, values: Floats) -> Standard:
        middle, scale = np.zeros((2, values.shape[1]))
        for start in range(0, values.shape[1], _COLUMNS):
            block = values[:, start : start + _COLUMNS].astype(np.float64)
            low, median, high = np.quantile(block, (0.25, 0.5, 0.75), axis=0)
            spread = (high - low) / _IN_DEVIATIONS
            around = np.sqrt(np.square(block - median).mean(axis=0))
            found = np.where(varies(spread, median), spread, np.where(varies(around, median), around, 1))
            middle[start : start + _COLUMNS], scale[start : start + _COLUMNS] = median, found
        return Standard(middle.astype(np.float32), scale.astype(np.float32))

    def _map(self, name: str, rows: Floats) -> Floats:
        return np.clip(rows, -self.config.clip, self.config.clip)

    def _alike(self, name: str, values: Floats) -> Floats:
        with np.errstate(over="ignore"):  # what is too far for a number is clipped
            return super()._alike(name, values)

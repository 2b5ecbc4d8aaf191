"""One over the place in each list."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import PositiveFloat

from palate.core.types import Floats, Mask
from palate.fusion.late._base import Term
from palate.fusion.late._ranks import places
from palate.fusion.late._weighted import WeightedConfig, WeightedLate


class ReciprocalRankConfig(WeightedConfig):
    """How much each member counts, and how much the first places do."""

    offset: PositiveFloat = 60.0
    """Added to the place: the smaller, the more the first places of each list count."""


class ReciprocalRank(WeightedLate):
    """Add up one over the places: result = sum of w_m / (offset + place_m) (Cormack, Clarke and Büttcher 2009).

    The place is that among the items which the member can score for the query; equal scores share their places. How
    far apart scores lie does not matter, and the top of each list counts most.

    Missing data:
        A member that cannot score an item adds nothing to it, as in the paper; NaN where none can.

    Example:
        >>> scores = {"a": np.array([[0, 9]], np.float32), "b": np.array([[5, np.nan]], np.float32)}
        >>> ReciprocalRank(offset=1).combine(scores).round(3).tolist()
        [[0.8330000042915344, 0.5]]
    """

    name = "reciprocal-rank"
    paper: ClassVar[str] = "Cormack, Clarke and Büttcher 2009"
    cost: ClassVar[str] = "15 q n m² at most, and q n log n m"
    config_type = ReciprocalRankConfig
    config: ReciprocalRankConfig
    averaged = False

    def amount(self, scores: Floats, there: Mask) -> Term:
        """Return the slope 0 and one over the place."""
        below: Floats = np.reciprocal(np.float32(self.config.offset) + places(scores, there))
        return Term(np.zeros((1, 1), np.float32), below)

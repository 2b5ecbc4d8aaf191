"""Points for the items that stand below."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from palate.core.types import Floats, Mask
from palate.fusion.late._base import Term
from palate.fusion.late._ranks import places
from palate.fusion.late._weighted import WeightedLate


class Borda(WeightedLate):
    """Give an item the share of a member's list that stands below it, then take the weighted mean.

    b_m = (n_m - place) / (n_m - 1) over the n_m items that the member can score for the query, so that the first has 1
    and the last 0 (Borda 1781; for fusion Aslam and Montague 2001); result = sum of w_m b_m / sum of w_m over the
    members that can score the item. Equal scores share their places. How far apart scores lie does not matter.

    Missing data:
        An item that some members cannot score is judged by the others alone; NaN where none can. Of a list of one item
        nothing stands below it: it has one half.

    Example:
        >>> scores = {"a": np.array([[0, 9, 1]], np.float32), "b": np.array([[4, 5, np.nan]], np.float32)}
        >>> Borda().combine(scores).tolist()
        [[0.0, 1.0, 0.5]]
    """

    name = "borda"
    paper: ClassVar[str] = "Borda 1781; Aslam and Montague 2001"
    cost: ClassVar[str] = "15 q n m² at most, and q n log n m"
    averaged = True

    def amount(self, scores: Floats, there: Mask) -> Term:
        """Return the slope 0 and the share of the list that stands below."""
        others = there.sum(axis=1, dtype=np.float32)[:, None] - 1
        below = others + 1 - places(scores, there)
        share = np.divide(below, others, out=np.full_like(below, 0.5), where=others > 0)
        return Term(np.zeros((1, 1), np.float32), share)

"""A weighted mean of standardised scores."""

from __future__ import annotations

from typing import ClassVar

from palate.core.types import Floats, Mask
from palate.fusion.late._base import Term
from palate.fusion.late._standard import standard
from palate.fusion.late._weighted import WeightedLate


class WeightedScores(WeightedLate):
    """Bring each member's scores of a query to mean 0 and deviation 1, then take the weighted mean.

    z_m = (s_m - mean) / deviation over the items that the member can score for the query (0 where all are equal);
    result = sum of w_m z_m / sum of w_m, both over the members that can score the item.

    Missing data:
        An item that some members cannot score is judged by the others alone; NaN where none can.

    Example:
        >>> import numpy as np
        >>> scores = {"a": np.array([[0, 2, np.nan]], np.float32), "b": np.array([[5, 5, np.nan]], np.float32)}
        >>> WeightedScores().combine(scores).tolist()
        [[-0.5, 0.5, nan]]
    """

    name = "weighted-scores"
    paper: ClassVar[str] = "Vogt and Cottrell 1999"
    cost: ClassVar[str] = "15 q n m² at most"
    averaged = True

    def amount(self, scores: Floats, there: Mask) -> Term:
        """Return one over the deviation as the slope and -mean times that as the offset."""
        return standard(scores, there)

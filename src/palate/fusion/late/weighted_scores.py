"""A weighted mean of standardised scores."""

from __future__ import annotations

import numpy as np

from palate.core.types import Floats, Mask
from palate.fusion.late._base import Term
from palate.fusion.late._weighted import WeightedLate


class WeightedScores(WeightedLate):
    """Bring each member's scores of a query to mean 0 and deviation 1, then take the weighted mean.

    z_m = (s_m - mean) / deviation over the items that the member can score for the query (0 where all are equal);
    result = sum of w_m z_m / sum of w_m, both over the members that can score the item.

    Missing data:
        An item that some members cannot score is judged by the others alone; NaN where none can.

    Example:
        >>> scores = {"a": np.array([[0, 2, np.nan]], np.float32), "b": np.array([[5, 5, np.nan]], np.float32)}
        >>> WeightedScores().combine(scores).tolist()
        [[-0.5, 0.5, nan]]
    """

    name = "weighted-scores"
    averaged = True

    def amount(self, scores: Floats, there: Mask) -> Term:
        """Return one over the deviation as the slope and -mean times that as the offset."""
        mean, deviation = _moments(scores, there)
        slope = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)[:, None]
        return Term(slope, -mean[:, None] * slope)


def _moments(values: Floats, mask: Mask) -> tuple[Floats, Floats]:
    """Return mean and deviation of each row over what is there; a deviation lost in rounding is 0."""
    count = np.maximum(mask.sum(axis=1), 1)
    clean = np.where(mask, values, 0).astype(np.float64)
    mean = clean.sum(axis=1) / count
    deviation = np.sqrt((np.where(mask, clean - mean[:, None], 0) ** 2).sum(axis=1) / count)
    varies = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-12)
    return mean.astype(np.float32), np.where(varies, deviation, 0).astype(np.float32)

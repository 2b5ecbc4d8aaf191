"""A weighted mean of standardised scores."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import NonNegativeFloat

from palate.core.config import Config
from palate.core.errors import DataError
from palate.core.types import Floats
from palate.fusion.late._base import LateFusion, Term


class WeightedScoresConfig(Config):
    """How much each member counts."""

    weights: dict[str, NonNegativeFloat] | None = None
    """Member name -> weight; only ratios matter, 0 leaves a member out. None weighs all alike."""


class WeightedScores(LateFusion[WeightedScoresConfig]):
    """Bring each member's scores of a query to mean 0 and deviation 1, then take the weighted mean.

    z_m = (s_m - mean) / deviation over the items that the member can score for the query (0 where all are equal);
    result = sum of w_m z_m / sum of w_m, both over the members that can score the item.

    Missing data:
        An item that some members cannot score is judged by the others alone; NaN where none can.
    Raises:
        DataError: the weights do not name exactly the members, or all are 0.

    Example:
        >>> scores = {"a": np.array([[0, 2, np.nan]], np.float32), "b": np.array([[5, 5, np.nan]], np.float32)}
        >>> WeightedScores().combine(scores).tolist()
        [[-0.5, 0.5, nan]]
    """

    name = "weighted-scores"
    config_type = WeightedScoresConfig

    def terms(self, scores: Mapping[str, Floats]) -> dict[str, Term]:
        """Return w / (W deviation) as slopes and -mean times these as offsets; W sums over who can score."""
        weights = self._weights(scores)
        there = {name: ~np.isnan(values) for name, values in scores.items() if weights[name] > 0}
        whole = sum(np.float32(weights[name]) * mask for name, mask in there.items())
        inverse = np.divide(1, whole, out=np.zeros_like(whole), where=np.asarray(whole) > 0)
        terms = {}
        for name, mask in there.items():
            mean, deviation = _moments(scores[name], mask)
            slope = np.divide(weights[name], deviation, out=np.zeros_like(deviation), where=deviation > 0)
            steep = (inverse * slope[:, None]).astype(np.float32)
            terms[name] = Term(steep, (-mean[:, None] * steep).astype(np.float32))
        return terms

    def _weights(self, scores: Mapping[str, Floats]) -> Mapping[str, float]:
        given = self.config.weights
        if given is None:
            return dict.fromkeys(scores, 1.0)
        if set(given) != set(scores):
            raise DataError(
                f"the weights name {', '.join(sorted(given)) or 'nothing'} and the members are "
                f"{', '.join(sorted(scores))}: give each member one weight (0 leaves it out)"
            )
        if not any(given.values()):
            raise DataError("all weights are 0: give at least one member a weight above 0")
        return given


def _moments(values: Floats, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> tuple[Floats, Floats]:
    """Return mean and deviation of each row over what is there; a deviation lost in rounding is 0."""
    count = np.maximum(mask.sum(axis=1), 1)
    clean = np.where(mask, values, 0).astype(np.float64)
    mean = clean.sum(axis=1) / count
    deviation = np.sqrt((np.where(mask, clean - mean[:, None], 0) ** 2).sum(axis=1) / count)
    varies = deviation > 1e-6 * np.maximum(np.abs(mean), 1e-12)
    return mean.astype(np.float32), np.where(varies, deviation, 0).astype(np.float32)

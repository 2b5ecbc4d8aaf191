"""Scores of several members made comparable."""

from __future__ import annotations

import numpy as np

from palate.core.types import Floats, Mask
from palate.fusion.late._base import Term


def standard(scores: Floats, there: Mask) -> Term:
    """Return what brings each query's scores to mean 0 and deviation 1: one over the deviation, and -mean times that.

    Where all are equal the slope is 0, and so is every score.

    Shapes:
        scores: float32[q, n]; there: bool[q, n], where the member can score -> slope and offset, float32[q, 1].
    """
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

"""The principal components of a table of vectors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.rng import generator
from palate.core.types import Floats
from palate.linalg.directions import main_directions

_SAMPLE = 20_000
"""Rows that the directions are taken from."""


def principal(values: Floats, dim: int, even: bool = False) -> npt.NDArray[np.float64]:
    """Return the rows in their first `dim` principal directions, the first of deviation 1, or all of them where `even`.

    Shapes:
        values: float32[n, d] -> float64[n, min(dim, d)].

    Example:
        >>> principal(np.array([[0, 1], [2, 1], [4, 1]], np.float32), 1).round(2).tolist()
        [[-1.22], [0.0], [1.22]]
    """
    some = values
    if len(values) > _SAMPLE:
        some = values[np.sort(generator(0, "principal").choice(len(values), _SAMPLE, replace=False))]
    middle = some.mean(axis=0, dtype=np.float64)
    axes, variance = main_directions(some - middle, dim)
    deviation = np.sqrt(variance)
    least = max(1e-6 * float(deviation[:1].sum()), 1e-12)
    scale = np.where(deviation > least, deviation, np.inf) if even else max(float(deviation[:1].sum()), least)
    return np.asarray((values - middle) @ axes / scale)

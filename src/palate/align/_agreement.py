"""How well parts lie in one space: whether a thing finds its own other part, and whether the space is used."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from palate.core.errors import DataError
from palate.core.rng import generator
from palate.core.types import Floats
from palate.interfaces import Parts
from palate.linalg.neighbours import unit_rows
from palate.linalg.standard import checked

MOST = 1000
"""Things that are looked at, drawn by chance where there are more."""


@dataclass(frozen=True)
class Agreement:
    """What was measured of parts of one width."""

    rank: float
    """Mean rank of a thing's own other part among those of all things, by cosine: 1 is best; NaN for one part alone."""
    chance: float
    """What the rank would be by chance."""
    uniformity: float
    """log mean exp(-2 |x - y|^2) over pairs of things, mean over the parts: the lower, the more evenly the space is used
    (Wang and Isola 2020, equation 2)."""


def measure(parts: Parts, seed: int = 0, most: int = MOST) -> Agreement:
    """Measure parts of one width, by things that have both of two.

    Raises:
        DataError: there is no part, or they have different rows or widths.

    Example:
        >>> from palate.data.features import FeatureTable
        >>> table = FeatureTable(np.eye(4, dtype=np.float32), np.ones(4, bool), "")
        >>> measure({"a": table, "b": table}).rank
        1.0
    """
    parts = checked("a measure of agreement", parts)
    widths = {table.dim for table in parts.values()}
    if len(widths) > 1:
        raise DataError(f"a measure of agreement needs parts of one width, given {sorted(widths)}: align them first")
    rng = generator(seed, "agreement")
    ranks, chances, spreads = [], [], []
    for one, other in permutations(sorted(parts), 2):
        both = _some(parts[one].present & parts[other].present, most, rng)
        if len(both) > 1:
            ranks.append(_rank(unit_rows(parts[one].values[both]), unit_rows(parts[other].values[both])))
            chances.append((len(both) + 1) / 2)
    for _, table in sorted(parts.items()):
        there = _some(table.present, most, rng)
        if len(there) > 1:
            spreads.append(_uniformity(unit_rows(table.values[there])))
    return Agreement(*(float(np.mean(found)) if found else float("nan") for found in (ranks, chances, spreads)))


def _some(mask: np.ndarray, most: int, rng: np.random.Generator) -> np.ndarray:
    codes = np.flatnonzero(mask)
    return codes if len(codes) <= most else np.sort(rng.permutation(codes)[:most])


def _rank(one: Floats, other: Floats) -> float:
    """Return the mean rank of the diagonal in its row; those that tie share the middle of their ranks."""
    cosines = one @ other.T
    own = np.diag(cosines)[:, None]
    return float(((cosines > own).sum(1) + ((cosines == own).sum(1) + 1) / 2).mean())


def _uniformity(rows: Floats) -> float:
    gaps = np.maximum(2 - 2 * rows.astype(np.float64) @ rows.T, 0)
    pairs = ~np.eye(len(rows), dtype=bool)
    return float(np.log(np.exp(-2 * gaps[pairs]).mean()))

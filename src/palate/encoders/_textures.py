"""Textures of a grey picture: local binary patterns, and directions of edges."""

from __future__ import annotations

import numpy as np

from palate.core.types import Doubles

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
_DIRECTIONS = 9
_STEPS = (1, 4)
"""Pixels from a point to its neighbours: the fine texture and the coarser one."""


def binary_patterns(grey: Doubles) -> Doubles:
    """Return how often each rotation-invariant uniform pattern of eight neighbours occurs, float64[20], by two scales.

    A pattern says which neighbours are at least as bright as their middle. Uniform ones, with at most two changes around the ring,
    are told by how many are; the others share a bin. Ojala, Pietikäinen and Mäenpää 2002, equations 9 and 10.
    """
    return np.concatenate([_patterns(grey, step) for step in _STEPS])


def _patterns(grey: Doubles, step: int) -> Doubles:
    high, wide = grey.shape
    middle = grey[step : high - step, step : wide - step]
    brighter = np.stack(
        [
            grey[step + down * step : high - step + down * step, step + right * step : wide - step + right * step]
            >= middle
            for down, right in _RING
        ]
    )
    changes = (brighter != np.roll(brighter, 1, axis=0)).sum(axis=0)
    code = np.where(changes <= 2, brighter.sum(axis=0), len(_RING) + 1)
    return np.bincount(code.ravel(), minlength=len(_RING) + 2) / code.size


def oriented_gradients(grey: Doubles, grid: int) -> Doubles:
    """Return the strength of edges by nine directions in each of grid × grid fields, float64[grid² · 9].

    A direction is that of the gradient without its sign; strength is shared between the two nearest directions; roots
    even out a few strong edges. Dalal and Triggs 2005.
    """
    down, right = np.gradient(grey)
    strength = np.hypot(down, right)
    place = np.mod(np.arctan2(down, right), np.pi) / np.pi * _DIRECTIONS
    low = np.floor(place).astype(np.int64)
    above = place - low
    rows = np.arange(grey.shape[0]) * grid // grey.shape[0]
    columns = np.arange(grey.shape[1]) * grid // grey.shape[1]
    field = (rows[:, None] * grid + columns) * _DIRECTIONS
    size = grid * grid * _DIRECTIONS
    found = np.bincount((field + low % _DIRECTIONS).ravel(), (strength * (1 - above)).ravel(), size)
    found += np.bincount((field + (low + 1) % _DIRECTIONS).ravel(), (strength * above).ravel(), size)
    return np.sqrt(found)

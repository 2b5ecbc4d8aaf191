"""Pairs of rows whose fingerprints of bits are nearly equal, without comparing each with each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.rng import generator
from palate.core.types import Mask

Bits = npt.NDArray[np.uint8]
Pairs = npt.NDArray[np.int64]
"""int64[m, 2], of each pair the lower row first; in order."""
MOST_OF_A_KIND = 10
"""What more rows than this have in common, such as one placeholder picture, tells a kind and not a thing."""
_BANDS, _WIDTH = 16, 16
_CROWD = 100
"""More rows than this with one band in common are not compared by it."""


def alike(bits: Bits, present: Mask, most: int) -> Pairs:
    """Return the pairs of present rows that differ in at most so many bits.

    Only rows that agree in one of sixteen random bands of sixteen bits are compared (Indyk and Motwani 1998), so a pair may
    be missed: of 64 bits, one in a thousand that differ in 4, one in twenty-five that differ in 6.

    Shapes:
        bits: uint8[n, b], 0 or 1; present: bool[n].

    Example:
        >>> rows = np.zeros((3, 64), np.uint8)
        >>> rows[1, 0], rows[2, :32] = 1, 1
        >>> alike(rows, np.array([True, True, True]), 2).tolist()
        [[0, 1]]
    """
    rows = np.flatnonzero(present)
    codes = np.packbits(bits[rows], axis=1)
    rng = generator(0, "near-duplicates", "bands")
    found = [np.empty(0, dtype=np.int64)]
    for _ in range(_BANDS):
        band = np.packbits(bits[rows][:, rng.choice(bits.shape[1], _WIDTH, replace=False)], axis=1)
        for first, second in _together(band.astype(np.int64) @ np.array([256, 1])):
            apart = np.bitwise_count(codes[first] ^ codes[second]).sum(axis=1)
            near = apart <= most
            low, high = np.minimum(first[near], second[near]), np.maximum(first[near], second[near])
            found.append(rows[low] * len(bits) + rows[high])
    keys = np.unique(np.concatenate(found))
    return np.stack([keys // max(len(bits), 1), keys % max(len(bits), 1)], axis=1)


def common(bits: Bits, present: Mask) -> Mask:
    """Return which present rows have a fingerprint that more than ten share."""
    rows = np.flatnonzero(present)
    many = np.zeros(len(bits), dtype=bool)
    _, of_row, count = np.unique(np.packbits(bits[rows], axis=1), axis=0, return_inverse=True, return_counts=True)
    many[rows] = count[of_row.ravel()] > MOST_OF_A_KIND
    return many


def _together(key: npt.NDArray[np.int64]) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Return the pairs of rows of equal key, by their distance in the order of keys; without keys that a crowd has."""
    order = np.argsort(key, kind="stable")
    _, of_row, count = np.unique(key[order], return_inverse=True, return_counts=True)
    order = order[count[of_row] <= _CROWD]
    held = key[order]
    pairs = []
    for step in range(1, _CROWD):
        same = np.flatnonzero(held[step:] == held[:-step]) if step < len(held) else np.empty(0, np.int64)
        if not len(same):
            break
        pairs.append((order[same], order[same + step]))
    return pairs

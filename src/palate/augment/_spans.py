"""Where a crop begins and ends."""

from __future__ import annotations

import numpy as np


def span(n: int, least: float, rng: np.random.Generator) -> slice:
    """Return a span of a random length, from `least` of n to all of it, anywhere in it; n is 1 or more, and so is the length."""
    length = min(n, max(1, round(rng.uniform(least, 1) * n)))
    start = int(rng.integers(n - length + 1))
    return slice(start, start + length)

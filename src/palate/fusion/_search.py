"""Weights found by trying."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import numpy as np

_FACTORS = (0.0, 0.25, 0.5, 2.0, 4.0)
_SWEEPS = 3


def best_weights(names: Collection[str], worth: Callable[[Mapping[str, float]], float]) -> dict[str, float]:
    """Return the weights that are worth most, by coordinate search from equal ones.

    One weight after another is left out, quartered, halved, doubled or made fourfold, and kept where that is better, until
    nothing is.

    Example:
        >>> best_weights(["a", "b"], lambda weights: -abs(weights["a"] - 2) - weights["b"])
        {'a': 2.0, 'b': 0.0}
    """
    weights = dict.fromkeys(sorted(names), 1.0)
    best, before = worth(weights), -np.inf
    for _ in range(_SWEEPS):
        if best <= before:
            break
        before = best
        for name in weights:
            for factor in _FACTORS:
                tried = {**weights, name: weights[name] * factor}
                if any(tried.values()) and (found := worth(tried)) > best:
                    best, weights = found, tried
    return weights

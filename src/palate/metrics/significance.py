"""Whether one model is better than another, user by user."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from palate.core.errors import DataError
from palate.core.rng import generator
from palate.metrics._hits import Doubles

_CELLS = 1 << 17
_EXACT = 13
_TOLERANCE = 1e-9


def paired_test(first: Doubles, second: Doubles, *, flips: int = 9999, seed: int = 0) -> float:
    """Return the two-sided p-value of the paired sign-flip test: is the mean difference zero?

    If neither model is better, each user's difference is as likely to have the other sign. The test needs no
    assumption on the shape of the differences, which are mostly zero and heavy-tailed here, where a t-test or
    Wilcoxon's would (Smucker, Allan and Carterette 2007; Urbano, Lima and Hanjalic 2019). Up to 13 differing users
    every flip is counted; above, `flips` random ones with the +1 of Phipson and Smyth 2010, so p is never 0.

    Shapes:
        first, second: float64[users], the same users in the same order.
    Missing data:
        A user whose value is NaN in either is left out.

    Example:
        >>> paired_test(np.ones(5), np.zeros(5))
        0.0625
    """
    if first.shape != second.shape or first.ndim != 1:
        raise DataError(f"a paired test needs one value a user from both: given {first.shape} and {second.shape}")
    difference = first - second
    difference = difference[np.isfinite(difference) & (difference != 0)]
    n = len(difference)
    if n == 0:
        return 1.0
    observed = abs(difference.sum())
    bound = observed - _TOLERANCE * np.abs(difference).sum()
    if n <= _EXACT:
        patterns = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
        return float(np.mean(np.abs((2 * patterns - 1) @ difference) >= bound))
    rng = generator(seed, "sign-flip")
    extreme = 0
    step = max(1, _CELLS // n)
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        bits = np.unpackbits(rng.integers(256, size=(rows, -(-n // 8)), dtype=np.uint8), axis=1)[:, :n]
        flipped = 2 * (bits.astype(np.float64) @ difference) - difference.sum()
        extreme += int(np.count_nonzero(np.abs(flipped) >= bound))
    return (extreme + 1) / (flips + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm 1979): below alpha means significant among all of them.

    Sorted upwards, the i-th of m is multiplied by m - i + 1; none may fall below one before it, nor exceed 1.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(stepped, 1.0)
    return [float(p) for p in corrected]

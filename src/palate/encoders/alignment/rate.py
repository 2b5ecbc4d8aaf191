"""Evenly sampled series at another rate, without what the new rate cannot hold."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import Floats, Mask

_FINEST = 10_000
"""Largest denominator of a ratio of rates; what is finer is rounded, if nobody can tell."""
_LATE = 0.1
"""How far, in results, the last one may stand from its time through that rounding."""
_STOP = 86.0
"""Decibels that the design is asked for, so that 80 are left where several images of a tone fold to one place."""
_EDGE = 0.1
"""Share of the new band, at its upper end, over which the filter falls."""


def align_rate(values: npt.NDArray[np.floating], rate: float | Fraction, to: float | Fraction) -> tuple[Floats, Mask]:
    """Resample a series with a linear-phase low-pass filter before and after, in one polyphase step.

    Kaiser window design (Kaiser 1974): flat up to 90 % of the lower of the two Nyquist frequencies, 80 dB down from
    that frequency on. Sample k of the result stands at time k / to, as sample k of the input does at k / rate. To
    decimate by 7, say `align_rate(values, 7, 1)`.

    Args:
        values: the series, one after another along the first axis.
        rate: samples a second of the input; any unit, as long as it is that of `to`.
        to: samples a second of the result.

    Shapes:
        float[n] or float[n, d] -> float32[m] or float32[m, d], bool[m], m = ceil(n * to / rate).
    Missing data:
        A row with a NaN is missing. What the filter needs of it is taken from the line between its neighbours; results
        that have a missing sample beside them are absent, and NaN.
    Raises:
        DataError: a rate is not above 0, the ratio needs whole numbers above 10,000, or the values have more than two axes.

    Example:
        >>> slow, present = align_rate(np.arange(1.0, 9.0), 8, 4)
        >>> slow.round(3).tolist(), bool(present.all())
        ([1.0, 3.0, 5.0, 7.0], True)
    """
    from scipy.signal import resample_poly

    if not (0 < rate < math.inf and 0 < to < math.inf):
        raise DataError(f"the rates were {rate} and {to}: both must be above 0, and finite")
    series = np.asarray(values, dtype=np.float64)
    if series.ndim not in (1, 2):
        raise DataError(f"the values have {series.ndim} axes: a series has one, several series side by side have two")
    exact = Fraction(to) / Fraction(rate)
    ratio = exact.limit_denominator(_FINEST)
    if ratio == 0:
        raise DataError(f"from {rate} to {to} is more than {_FINEST:,} times slower: go there in two steps")
    late = float(abs(exact - ratio) * len(series))
    if late > _LATE:
        raise DataError(
            f"the ratio of the rates {rate} and {to} needs whole numbers above {_FINEST:,}; with the nearest that does not, "
            f"{ratio.numerator} to {ratio.denominator}, the last of these {len(series):,} samples would be {late:.1f} results off: "
            "cut the series into pieces, or give rates whose ratio is simpler"
        )
    rows = series[:, None] if series.ndim == 1 else series
    there: Mask = np.asarray(np.isfinite(rows).all(axis=1))
    size = -(-len(rows) * ratio.numerator // ratio.denominator)
    if not there.any():
        found, present = np.full((size, rows.shape[1]), np.nan), np.zeros(size, dtype=bool)
    else:
        whole = _bridged(rows, there)
        if len(whole) == 1:  # one sample has no line of its own
            whole = np.repeat(whole, 2, axis=0)
        low_pass: Any = _low_pass(ratio)
        found = whole if ratio == 1 else resample_poly(
            whole, ratio.numerator, ratio.denominator, axis=0, window=low_pass, padtype="line"
        )  # fmt: skip
        present = _beside(there, ratio, size)
    found = np.where(present[:, None], found[:size], np.nan).astype(np.float32)
    return (found[:, 0] if series.ndim == 1 else found), present


@lru_cache(maxsize=32)
def _low_pass(ratio: Fraction) -> npt.NDArray[np.float64]:
    """Return the filter at the rate that both rates divide; float64[odd]."""
    from scipy.signal import firwin, kaiserord

    finest = max(ratio.numerator, ratio.denominator)
    taps, beta = kaiserord(_STOP, _EDGE / finest)
    return firwin(taps | 1, (1 - _EDGE / 2) / finest, window=("kaiser", beta))


def _bridged(rows: npt.NDArray[np.float64], there: Mask) -> npt.NDArray[np.float64]:
    """Return the rows with straight lines across what is missing."""
    if there.all():
        return rows
    places, known = np.arange(len(rows)), np.flatnonzero(there)
    return np.stack([np.interp(places, known, column[known]) for column in rows.T], axis=1)


def _beside(there: Mask, ratio: Fraction, size: int) -> Mask:
    """Tell of each result whether the samples on both sides of it, or the one it stands on, are there."""
    steps = np.arange(size, dtype=np.int64) * ratio.denominator
    left = steps // ratio.numerator
    right = np.minimum(-(-steps // ratio.numerator), len(there) - 1)
    return np.asarray(there[left] & there[right])

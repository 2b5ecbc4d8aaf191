"""What can be said of a series of numbers in a few of them."""

from __future__ import annotations

import numpy as np

from palate.core.types import Floats
from palate.encoders._numbers import Numbers

LAGS = (1, 2, 3, 5, 7, 12, 24)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
NAMES = (
    "log length", "share of gaps", "level", "spread", "skewness", "excess kurtosis",
    *(f"quantile {q:g}" for q in QUANTILES), "trend", "steps", "crossings of the mean", "turning points", "equal neighbours",
    *(f"autocorrelation {lag}" for lag in LAGS),
    "spectral entropy", "spectral centroid", "peak frequency", "share of the peak", "low third", "middle third", "high third",
)  # fmt: skip
"""What each number of `statistics` is."""


def filled(values: Numbers) -> tuple[Numbers, float]:
    """Return a series with its gaps filled on a straight line between their neighbours, and the share of gaps.

    Shapes:
        float64[n], of which at least one is no NaN.
    """
    there = np.isfinite(values)
    places = np.flatnonzero(there)
    return np.interp(np.arange(len(values)), places, values[there]), float(1 - there.mean())


def standardised(series: Numbers) -> Floats:
    """Return a series with mean 0 and deviation 1; zeros where it is constant."""
    centred = series - series.mean()
    spread = centred.std()
    small = spread <= 1e-9 * max(1e-300, float(np.abs(series).max(initial=0)))
    return np.asarray(np.zeros_like(centred) if small else centred / spread, dtype=np.float32)


def statistics(series: Numbers, gaps: float) -> Floats:
    """Return what NAMES tells. Only level and spread depend on the unit, as sign(x) log(1 + |x|).

    Trend is the correlation with time; frequencies are in cycles a step, so that 0.5 is the highest; the spectrum is that of
    the series without its trend.

    Shapes:
        float64[n], n of 1 or more -> float32[len(NAMES)].
    """
    z = standardised(series).astype(np.float64)
    n = len(z)
    level, spread = series.mean(), series.std()
    time = np.linspace(-1, 1, n) if n > 1 else np.zeros(1)
    trend = float(z @ time / (n * time.std())) if n > 2 else 0.0
    steps = np.diff(z)
    turns = np.diff(np.sign(steps))
    told = [
        np.log1p(n), gaps, np.sign(level) * np.log1p(abs(level)), np.log1p(spread), (z**3).mean(), (z**4).mean() - 3,
        *np.quantile(z, QUANTILES), trend,
        steps.std() if n > 2 else 0.0,
        (np.diff(np.signbit(z)) != 0).mean() if n > 1 else 0.0,
        (turns != 0).mean() if n > 2 else 0.0,
        (steps == 0).mean() if n > 1 else 0.0,
        *(float(z[lag:] @ z[:-lag] / n) if n > lag else 0.0 for lag in LAGS),
        *_spectrum(z - trend * time / time.std() if n > 2 else z),
    ]  # fmt: skip
    return np.asarray(told, np.float32)


def _spectrum(z: Numbers) -> list[float]:
    """Return entropy, centroid, frequency and share of the peak, and the shares of three equal bands."""
    power = np.abs(np.fft.rfft(z - z.mean()))[1:] ** 2
    total = power.sum()
    if total <= 1e-12 * len(z):
        return [0.0] * 7
    share = power / total
    frequency = np.fft.rfftfreq(len(z))[1:]
    positive = share[share > 0]
    entropy = -(positive * np.log(positive)).sum() / np.log(len(share)) if len(share) > 1 else 0.0
    peak = int(share.argmax())
    bands = np.minimum((frequency * 6).astype(int), 2)
    return [entropy, share @ frequency, frequency[peak], share[peak], *np.bincount(bands, share, 3)]

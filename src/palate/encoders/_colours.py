"""Colours of a picture: a histogram, and moments by field."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import Doubles

_HUES, _SHADES = 8, 3
_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def histogram(pixels: npt.NDArray[np.uint8]) -> Doubles:
    """Return the share of pixels in 8 hues × 3 saturations × 3 values, float64[72]; uint8[h, w, 3] in."""
    rgb = pixels.reshape(-1, 3).astype(np.float64) / 255
    top, low = rgb.max(axis=1), rgb.min(axis=1)
    span = top - low
    red, green, blue = rgb.T
    safe = np.where(span > 0, span, 1)
    hue = np.select(
        [span == 0, top == red, top == green],
        [0.0, ((green - blue) / safe) % 6, (blue - red) / safe + 2],
        (red - green) / safe + 4,
    )
    saturation = np.where(top > 0, span / np.where(top > 0, top, 1), 0)
    bins = np.rint(hue / 6 * _HUES).astype(np.int64) % _HUES  # red is the middle of the first bin
    for share in (saturation, top):
        bins = bins * _SHADES + np.minimum((share * _SHADES).astype(np.int64), _SHADES - 1)
    counts = np.bincount(bins, minlength=_HUES * _SHADES * _SHADES)
    return counts / len(rgb)


def moments(pixels: npt.NDArray[np.uint8], grid: int) -> Doubles:
    """Return mean and standard deviation of L*, a*, b* in each of grid × grid fields, float64[grid² · 6].

    Units: L* - 50 and a*, b* over 50; deviations over 25.
    """
    lab = to_lab(pixels)
    fields = [field for row in np.array_split(lab, grid, axis=0) for field in np.array_split(row, grid, axis=1)]
    means = [(field.mean(axis=(0, 1)) - [50, 0, 0]) / 50 for field in fields]
    return np.concatenate([*means, *(field.std(axis=(0, 1)) / 25 for field in fields)])


def to_lab(pixels: npt.NDArray[np.uint8]) -> Doubles:
    """Return sRGB bytes as CIELAB under D65, float64[…, 3]: L* 0 … 100, a* and b* about -110 … 110. CIE 15:2004."""
    share = np.arange(256) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)[pixels]
    ratio = linear @ _XYZ.T / _WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)

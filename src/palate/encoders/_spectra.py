"""Mel spectra in numpy, as the pretrained networks were fed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

Doubles = npt.NDArray[np.float64]
_BLOCK = 512
"""Frames transformed at a time."""


def slaney_bands(bands: int, size: int, rate: int) -> Floats:
    """Return triangular filters of equal area on Slaney's mel scale (linear to 1 kHz), from 0 to rate / 2.

    Slaney 1998, "Auditory Toolbox"; what librosa makes by default.

    Shapes:
        float32[bands, size // 2 + 1] for spectra of `size` samples.
    """
    top = 15 + 27 * np.log(rate / 2 / 1000) / np.log(6.4) if rate > 2000 else 3 * rate / 2 / 200
    mels = np.linspace(0, top, bands + 2)
    edges = np.where(mels < 15, 200 * mels / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    hertz = np.fft.rfftfreq(size, 1 / rate)
    rising = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    return np.asarray(filters, dtype=np.float32)


def htk_bands(bands: int, size: int, rate: int) -> Floats:
    """Return triangular filters on the mel scale of HTK, straight in mels, the weights of each adding up to 1.

    The filters of Essentia's MelBands (htkMel, warping, unit_sum), from 0 to rate / 2: m = 1127 ln(1 + f / 700).

    Shapes:
        float32[bands, size // 2 + 1] for spectra of `size` samples.
    """
    edges = np.linspace(0, 1127 * np.log1p(rate / 2 / 700), bands + 2)
    mels = 1127 * np.log1p(np.fft.rfftfreq(size, 1 / rate) / 700)
    rising = (mels - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - mels) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(filters / filters.sum(axis=1, keepdims=True), dtype=np.float32)


def log_bands(samples: Floats, window: Doubles, hop: int, filters: Floats, *, mirrored: bool) -> Floats:
    """Return log10(10,000 x + 1) of the power x in each band, frames centred on every `hop`-th sample.

    Args:
        samples: the sound.
        window: what each frame is multiplied with.
        hop: samples from frame to frame.
        filters: the bands.
        mirrored: whether the sound goes on mirrored at both ends (as librosa does it), or with silence.

    Shapes:
        float32[n], float64[size], float32[bands, size // 2 + 1] -> float32[1 + n // hop, bands].
    """
    from scipy.fft import rfft

    half = len(window) // 2
    padded = np.pad(samples, half, mode="reflect" if mirrored and len(samples) > half else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, len(window))[::hop]
    found = np.empty((len(frames), len(filters)), np.float32)
    shape = window.astype(np.float32)
    for start in range(0, len(frames), _BLOCK):
        spectra = rfft(frames[start : start + _BLOCK] * shape, axis=1)
        power = spectra.real**2 + spectra.imag**2
        found[start : start + _BLOCK] = power @ filters.T
    return np.log10(10_000 * found + 1)

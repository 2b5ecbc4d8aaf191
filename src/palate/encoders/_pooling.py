"""Vectors of frames over time to one vector; nothing here is trained."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats
from palate.encoders.alignment import Grid, Stream, align_time

Pooling = Literal["mean", "attention", "convolution", "recurrent"]
WIDTH = 256
"""Random features of `convolution` and `recurrent`; each gives two numbers."""
STEPS = 16
"""Steps of the regular grid that those two run on."""
_SHARPNESS = 0.1
_LEAK, _RADIUS = 0.4, 0.9


def pooled_width(pooling: Pooling, dim: int) -> int:
    """Return how many numbers `pool` gives for frames of `dim` numbers."""
    return dim if pooling in ("mean", "attention") else 2 * WIDTH


def pool(pooling: Pooling, values: Floats, times: npt.NDArray[np.float64]) -> Floats:
    """Bring the vectors of frames to one vector of length 1.

    mean: each frame counts for the time that is nearest to it. attention: besides, by the softmax of its mean cosine
    with the others, so that frames like the rest speak for the video and titles and black ones do not. convolution:
    random kernels over three steps of time, mean and maximum of what is above 0 (after Dempster, Schmidt and Webb 2021).
    recurrent: a reservoir of random, fixed connections, mean and last state (Jaeger 2001). The last two are random
    features from a fixed seed: they tell orders in time apart, and have learned nothing.

    Shapes:
        float32[n, d] and seconds float64[n], ascending, n ≥ 1 -> float32[pooled_width].
    Missing data:
        Frames that are zero or cancel out have no direction: NaN.
    """
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    units = (values / np.where(lengths > 0, lengths, 1)).astype(np.float64)
    if pooling in ("mean", "attention"):
        weights = _spans(times)
        if pooling == "attention" and len(units) > 1:
            cosines = units @ units.T
            alike = (cosines.sum(axis=1) - np.diag(cosines)) / (len(units) - 1)
            weights = weights * np.exp((alike - alike.max()) / _SHARPNESS)
        found = weights @ units / weights.sum()
    else:
        steps = _steps(units, times)
        found = _convolve(steps) if pooling == "convolution" else _recur(steps)
    length = np.linalg.norm(found)
    return np.asarray(found / length if length > 0 else np.full(len(found), np.nan), np.float32)


def _spans(times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return for how long each time is the nearest, within the first and the last."""
    if len(times) == 1:
        return np.ones(1)
    borders: npt.NDArray[np.float64] = np.concatenate([times[:1], (times[1:] + times[:-1]) / 2, times[-1:]])
    return np.asarray(np.diff(borders), np.float64)


def _steps(units: npt.NDArray[np.float64], times: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the frames on a regular grid, float64[STEPS, d]."""
    span = float(times[-1] - times[0])
    if span <= 0:
        return np.repeat(units[:1], STEPS, axis=0)
    grid = Grid(float(times[0]), span / STEPS, STEPS)
    return align_time({"frames": Stream(times, units)}, grid)["frames"][0].astype(np.float64)


@lru_cache(maxsize=4)
def _kernels(dim: int) -> npt.NDArray[np.float64]:
    return np.asarray(np.random.default_rng(0).standard_normal((3 * dim, WIDTH)) / np.sqrt(3), np.float64)


def _convolve(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    windows = np.concatenate([padded[:-2], padded[1:-1], padded[2:]], axis=1)
    active = np.maximum(windows @ _kernels(steps.shape[1]), 0)
    return np.concatenate([active.mean(axis=0), active.max(axis=0)])


@lru_cache(maxsize=4)
def _reservoir(dim: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    rng = np.random.default_rng(0)
    within = rng.standard_normal((WIDTH, WIDTH))
    within *= _RADIUS / np.abs(np.linalg.eigvals(within)).max()
    return rng.standard_normal((dim, WIDTH)), within


def _recur(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    inward, within = _reservoir(steps.shape[1])
    state, states = np.zeros(WIDTH), []
    for drive in steps @ inward:
        state = (1 - _LEAK) * state + _LEAK * np.tanh(drive + state @ within)
        states.append(state)
    return np.concatenate([np.mean(states, axis=0), state])

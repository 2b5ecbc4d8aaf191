"""What moves in a video: the flow of blocks between two looks, and statistics of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats
from palate.encoders._cuts import LUMA, Change, Shown, change

_WINDOW, _STRIDE = 32, 16
_STILL = 0.01
"""Deviation of a block's brightness below which it has nothing whose movement could be seen."""
STATISTICS = (
    "difference", "difference deviation", "speed", "speed deviation", "right", "down", "spread", "share moving",
    "cuts", "brightness", "brightness deviation", "brightness change", "contrast", "colour change",
)  # fmt: skip
"""What `statistics` gives, in order."""


@dataclass(frozen=True)
class Look:
    """One look against the one before.

    Units:
        brightness: share of white; right and down: how most of the frame moves, in shares of its width and height a
        second; speed: of its blocks on average; moving: share of the blocks.
    """

    change: Change
    brightness: float
    contrast: float
    right: float
    down: float
    speed: float
    spread: float
    """How much faster things move outwards than the frame as a whole: above 0 when the camera comes nearer."""
    moving: float


def look(before: Shown, now: Shown) -> Look:
    """Compare two looks."""
    gap = now[0] - before[0]
    earlier, later = before[1] @ LUMA, now[1] @ LUMA
    flow, weight, places = block_flow(earlier, later)
    flow = flow / gap
    total = float(weight.sum())
    whole = [_median(column, weight) for column in flow.T]
    outward = ((flow - whole) * places).sum(axis=1)
    return Look(
        change(before, now),
        float(later.mean()),
        float(later.std()),
        whole[0],
        whole[1],
        float((np.linalg.norm(flow, axis=1) * weight).sum() / total) if total > 0 else 0.0,
        float((outward * weight).sum() / total) if total > 0 else 0.0,
        float((np.linalg.norm(flow, axis=1) * gap > 0.5 / 96).mean()),
    )


def _median(values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]) -> float:
    """Return the value that half of the weight lies at or below; 0 where there is no weight."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(reached, reached[-1] / 2)]) if reached[-1] > 0 else 0.0


def block_flow(
    earlier: Floats, later: Floats
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Find how blocks moved, by phase correlation (Kuglin and Hines 1975), to a fraction of a pixel.

    Shapes:
        float32[s, s] twice -> per overlapping block of 32 pixels: movement float64[n, 2] (right, down, shares of the
        side), weight float64[n] (contrast times the height of the peak), and the middle float64[n, 2] from the centre,
        -1 … 1.
    Missing data:
        A block without contrast has weight 0.
    """
    side = earlier.shape[0]
    starts = np.arange(0, side - _WINDOW + 1, _STRIDE)
    tops, lefts = (found.ravel() for found in np.meshgrid(starts, starts, indexing="ij"))
    one = _blocks(earlier, tops, lefts)
    rough, _, _ = _correlate(one, _blocks(later, tops, lefts))
    # the window draws what is far towards 0: look again where the first look pointed
    whole = np.rint(rough).astype(np.int64)
    y, x = (np.clip(start + step, 0, side - _WINDOW) for start, step in ((tops, whole[:, 1]), (lefts, whole[:, 0])))
    fine, height, contrast = _correlate(one, _blocks(later, y, x))
    flow = (fine + np.stack([x - lefts, y - tops], axis=1)) / side
    weight = np.where(contrast > _STILL, contrast * np.maximum(height, 0), 0.0)
    middles = np.stack([lefts, tops], axis=1) + _WINDOW / 2
    return np.where(weight[:, None] > 0, flow, 0.0), weight, 2 * middles / side - 1


def _blocks(picture: Floats, tops: npt.NDArray[np.int64], lefts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the blocks that begin at these places, float64[n, 32, 32]."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, (_WINDOW, _WINDOW))
    return windows[tops, lefts].astype(np.float64)


def _correlate(
    one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how each block moved in pixels, float64[n, 2], how high the peak is, and the lesser contrast."""
    window = np.outer(np.hanning(_WINDOW), np.hanning(_WINDOW))
    contrast = np.minimum(one.std(axis=(1, 2)), other.std(axis=(1, 2)))
    one, other = ((block - block.mean(axis=(1, 2), keepdims=True)) * window for block in (one, other))
    cross = np.conj(np.fft.rfft2(one)) * np.fft.rfft2(other)
    strength = np.abs(cross)
    # what is weak in both is noise, and what is finest comes from the coding: neither counts as much as the rest
    cross /= strength + 0.01 * strength.max(axis=(1, 2), keepdims=True) + 1e-12
    cross *= _smooth()
    peaks = np.fft.irfft2(cross, s=(_WINDOW, _WINDOW))
    flat = peaks.reshape(len(peaks), -1)
    row, column = np.divmod(flat.argmax(axis=1), _WINDOW)
    moved = np.stack([_refined(peaks, row, column, 2), _refined(peaks, row, column, 1)], axis=1)
    return moved, flat.max(axis=1), contrast


@lru_cache(maxsize=1)
def _smooth() -> npt.NDArray[np.float64]:
    """Return the weights of the frequencies, those of a Gaussian of one pixel."""
    down, across = np.fft.fftfreq(_WINDOW), np.fft.rfftfreq(_WINDOW)
    return np.asarray(np.exp(-2 * np.pi**2 * (down[:, None] ** 2 + across**2)), np.float64)


def _refined(
    peaks: npt.NDArray[np.float64], row: npt.NDArray[np.int64], column: npt.NDArray[np.int64], axis: int
) -> npt.NDArray[np.float64]:
    """Return the place of each peak along an axis, by a parabola through it and its neighbours; signed."""
    which = np.arange(len(peaks))
    place = row if axis == 1 else column
    beside = (place[:, None] + np.array([-1, 0, 1])) % _WINDOW
    values = (
        peaks[which[:, None], beside, column[:, None]] if axis == 1 else peaks[which[:, None], row[:, None], beside]
    )
    bend = 2 * values[:, 1] - values[:, 0] - values[:, 2]
    part = np.where(bend > 1e-12, (values[:, 2] - values[:, 0]) / (2 * np.maximum(bend, 1e-12)), 0.0)
    return np.asarray((place + _WINDOW // 2) % _WINDOW - _WINDOW // 2 + part, np.float64)


def statistics(looks: Sequence[Look], cuts: Sequence[float], seconds: float) -> Floats:
    """Return what `STATISTICS` names, float32[14], each squeezed to -1 … 1; looks at a cut do not count as movement.

    Args:
        looks: at least one.
        cuts: when scenes begin.
        seconds: how long the video lasts.
    """
    at_cuts = set(cuts)
    within = [entry for entry in looks if entry.change.time not in at_cuts] or list(looks)
    speed, right, down, spread, moving = (
        np.array([getattr(entry, name) for entry in within]) for name in ("speed", "right", "down", "spread", "moving")
    )
    bright, contrast = (np.array([getattr(entry, name) for entry in looks]) for name in ("brightness", "contrast"))
    difference = np.array([entry.change.difference for entry in within])
    colours = np.array([entry.change.colours for entry in looks])
    step = np.abs(np.diff(bright)).mean() if len(bright) > 1 else 0.0
    numbers = [
        10 * difference.mean(), 10 * difference.std(), 2 * speed.mean(), 2 * speed.std(), 2 * right.mean(), 2 * down.mean(),
        4 * spread.mean(), moving.mean(), len(cuts) / max(seconds, 1.0), bright.mean(), 2 * bright.std(), 10 * step,
        2 * contrast.mean(), 2 * colours.mean(),
    ]  # fmt: skip
    return np.asarray(np.tanh(numbers), np.float32)

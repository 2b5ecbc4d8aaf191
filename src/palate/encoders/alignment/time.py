"""Streams with clocks of their own on one regular grid of cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.types import Floats, Mask

Seconds = npt.NDArray[np.float64]
How = Literal["linear", "nearest", "mean", "count"]
_HAIR = 1e-6
"""Share of a cell that a clock may be off by rounding: 0.3 s lies in the fourth cell of 0.1 s, whatever 0.3 / 0.1 is."""


@dataclass(frozen=True)
class Grid:
    """Cells of equal length: cell i lasts from `start + i * step` up to the start of the next.

    Units:
        start and step in seconds.

    Example:
        >>> Grid(0.0, 0.5, 3).middles.tolist()
        [0.25, 0.75, 1.25]
    """

    start: float
    step: float
    size: int

    def __post_init__(self) -> None:
        if not (self.step > 0 and math.isfinite(self.step) and math.isfinite(self.start) and self.size >= 0):
            raise DataError(
                f"the grid starts at {self.start} s and has {self.size} cells of {self.step} s: a start that is a number, "
                "a size of 0 or more and a step above 0 are needed"
            )

    @classmethod
    def covering(cls, start: float, end: float, step: float) -> Self:
        """Return the cells from `start` that reach `end`; none where it lies before."""
        if not (step > 0 and math.isfinite(start) and math.isfinite(end)):
            raise DataError(f"the grid from {start} to {end} s by {step} s: two numbers and a step above 0 are needed")
        return cls(start, step, max(0, math.ceil((end - start) / step - _HAIR)))

    @property
    def middles(self) -> Seconds:
        """Times of the middles of the cells, float64[size]."""
        return self.start + self.step * (np.arange(self.size, dtype=np.float64) + 0.5)

    def cells(self, times: Seconds) -> npt.NDArray[np.int64]:
        """Return the cell in which each time lies; -1 where that is before the first, `size` after the last."""
        return np.clip(np.floor((times - self.start) / self.step + _HAIR), -1, self.size).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Stream:
    """Samples at times of their own: frames, windows of sound, events.

    Shapes:
        times: float64[n], in any order; values: float[n, d] or float[n], None for bare events; lasting: a number or
        float64[n].
    Units:
        seconds, all of them. A sample counts at `times + offset`: the offset is how much later than the common clock
        this stream's own began.
    Missing data:
        A sample with a value or a time that is NaN is left out as if it had never been taken.
    """

    times: Seconds
    values: npt.NDArray[np.floating] | None = None
    how: How = "linear"
    """`linear` between the two samples around a cell's middle; `nearest` to it; `mean` of the samples in the cell, by how
    much of it they last; `count` of the samples in the cell."""
    offset: float = 0.0
    lasting: float | Seconds = 0.0
    """How long a sample lasts, as a window of sound or a frame does; for `mean`."""
    reach: float = math.inf
    """Samples farther from a cell's middle do not speak for it: a gap stays a gap. For `linear` and `nearest`."""
    covers: tuple[float, float] | None = None
    """From when to when the stream was watched, on its own clock; for `count`, where no event is an answer too."""


def align_time(streams: Mapping[str, Stream], grid: Grid) -> dict[str, tuple[Floats, Mask]]:
    """Put every stream on the grid.

    Shapes:
        of each stream: float32[size, d], bool[size]; `count` gives float32[size, 1].
    Missing data:
        A cell of which the stream says nothing (before its first sample, after its last, in a gap wider than `reach`)
        is absent, and its values are NaN.
    Raises:
        DataError: times, values and how long they last are not equally many, there are no values to align, or `how` is
            none of the four.

    Example:
        >>> flash = Stream(np.array([0.9, 1.0, 1.1]), np.array([0.0, 1.0, 0.0]), "nearest", reach=0.1)
        >>> click = Stream(np.array([0.5]), how="count", offset=0.5, covers=(0.0, 1.5))
        >>> both = align_time({"flash": flash, "click": click}, Grid(0.95, 0.1, 2))
        >>> both["flash"][0][:, 0].tolist(), both["click"][0][:, 0].tolist()
        ([1.0, 0.0], [1.0, 0.0])
    """
    return {name: _align(name, stream, grid) for name, stream in streams.items()}


def _align(name: str, stream: Stream, grid: Grid) -> tuple[Floats, Mask]:
    times = np.asarray(stream.times, dtype=np.float64) + stream.offset
    if stream.how not in get_args(How):
        raise DataError(f"the stream '{name}' is aligned by '{stream.how}': allowed are {', '.join(get_args(How))}")
    values = np.ones(len(times)) if stream.values is None and stream.how == "count" else stream.values
    if values is None:
        raise DataError(f"the stream '{name}' has times and no values: give values, or how='count'")
    rows = np.asarray(values, dtype=np.float64)
    rows = rows[:, None] if rows.ndim == 1 else rows
    lasting = np.asarray(stream.lasting, dtype=np.float64)
    if len(rows) != len(times) or lasting.shape not in ((), times.shape):
        lasts = f" and {len(lasting)} durations" if lasting.ndim else ""
        raise DataError(
            f"the stream '{name}' has {len(times)} times and {len(rows)} values{lasts}: one of each a time is needed"
        )
    if rows.ndim != 2:
        raise DataError(f"the values of the stream '{name}' have {rows.ndim} axes: one or two are allowed")
    lasting = np.broadcast_to(lasting, times.shape)
    known = np.flatnonzero(np.isfinite(times) & np.isfinite(rows).all(axis=1))
    order = known[np.argsort(times[known], kind="stable")]
    times, rows, lasting = times[order], rows[order], lasting[order]
    if stream.how == "count":
        found, present = _count(stream, times, grid)
    elif not len(times):
        found, present = np.zeros((grid.size, rows.shape[1])), np.zeros(grid.size, dtype=bool)
    elif stream.how == "mean":
        found, present = _mean(times, rows, lasting, grid)
    else:
        found, present = _at_middles(times, rows, grid.middles, stream.reach, stream.how == "nearest")
    return np.where(present[:, None], found, np.nan).astype(np.float32), present


def _count(stream: Stream, times: Seconds, grid: Grid) -> tuple[Seconds, Mask]:
    cells = grid.cells(times)
    inside = cells[(cells >= 0) & (cells < grid.size)]
    counts = np.bincount(inside, minlength=grid.size).astype(np.float64)[:, None]
    if stream.covers is None:
        return counts, np.ones(grid.size, dtype=bool)
    start, end = (moment + stream.offset for moment in stream.covers)
    return counts, (grid.middles >= start) & (grid.middles <= end)


def _mean(times: Seconds, rows: Seconds, lasting: Seconds, grid: Grid) -> tuple[Seconds, Mask]:
    """Return the mean of the samples in each cell; one that lasts counts in every cell, by how much of it it fills."""
    total, weight = np.zeros((grid.size, rows.shape[1])), np.zeros(grid.size)
    last = np.where(lasting > 0, grid.cells(times + lasting - 2 * _HAIR * grid.step), grid.cells(times))
    first = np.maximum(grid.cells(times), 0)
    spans = np.maximum(np.minimum(last, grid.size - 1) - first + 1, 0)
    sample = np.repeat(np.arange(len(times)), spans)
    cell = np.repeat(first, spans) + np.arange(len(sample)) - np.repeat(np.cumsum(spans) - spans, spans)
    begins = grid.start + grid.step * cell
    shared = np.minimum(times[sample] + lasting[sample], begins + grid.step) - np.maximum(times[sample], begins)
    part = np.where(lasting[sample] > 0, np.maximum(shared, 0.0), 1.0)
    np.add.at(total, cell, part[:, None] * rows[sample])
    np.add.at(weight, cell, part)
    present = weight > _HAIR * grid.step
    return total / np.where(present, weight, 1.0)[:, None], present


def _at_middles(times: Seconds, rows: Seconds, middles: Seconds, reach: float, nearest: bool) -> tuple[Seconds, Mask]:
    """Return the value at each middle, from the samples just before and just after it."""
    after = np.clip(np.searchsorted(times, middles, side="left"), 0, len(times) - 1)
    exact = np.abs(times[after] - middles) <= 1e-9
    before = np.where(exact, after, np.maximum(after - (times[after] >= middles), 0))
    gaps = np.abs(np.stack([middles - times[before], times[after] - middles]))
    if nearest:
        chosen = np.where(gaps[0] <= gaps[1], before, after)
        return rows[chosen], gaps.min(axis=0) <= reach + 1e-9
    width = times[after] - times[before]
    share = np.where(width > 0, gaps[0] / np.where(width > 0, width, 1.0), 0.0)
    found = rows[before] * (1 - share)[:, None] + rows[after] * share[:, None]
    within = (middles >= times[0] - 1e-9) & (middles <= times[-1] + 1e-9)
    return found, within & (gaps <= reach + 1e-9).all(axis=0)

"""Where the scenes of a video begin, decided when what comes after is known too."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

Shown = tuple[float, Floats, Floats]
"""The time of a look in seconds, the picture float32[96, 96, 3], its histogram."""
CHANGE = 0.08
"""Least change, of 1, with which a scene can begin."""
TIMES = 1.75
"""How many times as great as any change beside it that of a scene's beginning is."""
AROUND = 2
"""Looks on either side that it is compared with."""
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Brightness of red, green and blue (ITU-R BT.601); coded colours are too coarse to tell movement."""
_BINS = 16


@dataclass(frozen=True)
class Change:
    """How a look differs from the one before.

    Units:
        difference: share of white, the mean of the pixels; colours: share of the pixels whose colour changed.
    """

    time: float
    difference: float
    colours: float

    @property
    def amount(self) -> float:
        """Both together, 0 … 1."""
        return (self.difference + self.colours) / 2


def histogram(picture: Floats) -> Floats:
    """Return the shares of 16 levels of each colour, float32[3, 16]."""
    levels = np.minimum((picture * _BINS).astype(np.int64), _BINS - 1).reshape(-1, 3)
    counts = np.stack([np.bincount(column, minlength=_BINS) for column in levels.T])
    return (counts / len(levels)).astype(np.float32)


def change(before: Shown, now: Shown) -> Change:
    """Compare two looks."""
    return Change(
        now[0],
        float(np.abs(now[1] @ LUMA - before[1] @ LUMA).mean()),
        float(np.abs(now[2] - before[2]).sum(axis=1).max() / 2),
    )


def cuts(changes: Sequence[Change]) -> list[float]:
    """Return when scenes begin, the first one aside: where the change is great, and greater than just before and after.

    So what moves fast is no cut, nor is it when it begins to; nor a flash, which ends with as great a change. Two
    scenes of the same colours have a cut between them, and so have two of one shape.

    Units:
        seconds.
    """
    amounts = np.pad(np.array([entry.amount for entry in changes]), AROUND)
    found = []
    for place, entry in enumerate(changes, AROUND):
        beside = np.delete(amounts[place - AROUND : place + AROUND + 1], AROUND)
        if amounts[place] >= max(CHANGE, TIMES * beside.max()):
            found.append(entry.time)
    return found


@dataclass
class Beginnings:
    """Frames with which scenes may begin: those with the greatest change, twice as many as are wanted."""

    most: int
    _kept: list[tuple[float, float, npt.NDArray[np.uint8]]] = field(default_factory=list)

    def wants(self, entry: Change) -> bool:
        """Tell whether the frame of a look is among them so far."""
        full = len(self._kept) >= 2 * self.most
        return entry.amount >= CHANGE and self.most > 0 and (not full or entry.amount > self._kept[0][0])

    def add(self, entry: Change, frame: npt.NDArray[np.uint8]) -> None:
        """Take a frame that is wanted."""
        heapq.heappush(self._kept, (entry.amount, entry.time, frame))
        if len(self._kept) > 2 * self.most:
            heapq.heappop(self._kept)

    def chosen(self, times: Sequence[float]) -> list[tuple[float, npt.NDArray[np.uint8]]]:
        """Return the frames at these times, of too many those with the greatest change."""
        found = [entry for entry in sorted(self._kept, key=lambda entry: -entry[0]) if entry[1] in times]
        return [(time, frame) for _, time, frame in found[: self.most]]

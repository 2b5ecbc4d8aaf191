"""Where the scenes of a video begin, decided when what comes after is known too."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from palate.encoders._motion import Look

CHANGE = 0.08
"""Least change, of 1, with which a scene can begin."""
TIMES = 1.75
"""How many times as great as any change beside it that of a scene's beginning is."""
AROUND = 2
"""Looks on either side that it is compared with."""


def change(look: Look) -> float:
    """Return how much a look differs from the one before, 0 … 1: the mean of the pixels' difference and the colours'."""
    return (look.difference + look.colours) / 2


def cuts(looks: Sequence[Look]) -> list[float]:
    """Return when scenes begin, the first one aside: where the change is great, and greater than just before and after.

    So what moves fast is no cut, nor is it when it begins to; nor a flash, which ends with as great a change. Two
    scenes of the same colours have a cut between them, and so have two of one shape.

    Units:
        seconds.
    """
    changes = np.pad(np.array([change(look) for look in looks]), AROUND)
    found = []
    for place, look in enumerate(looks, AROUND):
        beside = np.delete(changes[place - AROUND : place + AROUND + 1], AROUND)
        if changes[place] >= max(CHANGE, TIMES * beside.max()):
            found.append(look.time)
    return found


@dataclass
class Beginnings:
    """Frames with which scenes may begin: those with the greatest change, twice as many as are wanted."""

    most: int
    _kept: list[tuple[float, float, npt.NDArray[np.uint8]]] = field(default_factory=list)

    def wants(self, look: Look) -> bool:
        """Tell whether the frame of a look is among them so far."""
        some = change(look)
        full = len(self._kept) >= 2 * self.most
        return some >= CHANGE and self.most > 0 and (not full or some > self._kept[0][0])

    def add(self, look: Look, frame: npt.NDArray[np.uint8]) -> None:
        """Take a frame that is wanted."""
        heapq.heappush(self._kept, (change(look), look.time, frame))
        if len(self._kept) > 2 * self.most:
            heapq.heappop(self._kept)

    def chosen(self, times: Sequence[float]) -> list[tuple[float, npt.NDArray[np.uint8]]]:
        """Return the frames at these times, of too many those with the greatest change."""
        found = [entry for entry in sorted(self._kept, key=lambda entry: -entry[0]) if entry[1] in times]
        return [(time, frame) for _, time, frame in found[: self.most]]

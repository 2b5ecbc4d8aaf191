"""Sounds in which nothing is heard, and sounds cut off at the loudest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

QUIET = 33
"""Swing in steps of 16 bits, −60 dB of the whole range: below it nothing is heard."""
CLIPPED = 0.01
"""Share of the samples that stand still at the loudest from which on a sound is clipped."""
_FULL = 32_700
"""A sample of 16 bits from which on a sound is at its loudest."""


@dataclass(frozen=True)
class Loudness:
    """What the samples of a sound say of it."""

    frames: int
    swing: int
    """From the lowest sample to the highest, 0 … 65,535."""
    stuck: float
    """Share of the samples that are at the loudest, as is the one before."""

    @property
    def silent(self) -> bool:
        """Whether nothing is heard."""
        return self.swing < QUIET

    @property
    def clipped(self) -> bool:
        """Whether the loudest is cut off."""
        return self.stuck >= CLIPPED


def listen(blocks: Iterable[npt.NDArray[np.int16]]) -> Loudness:
    """Read a sound, int16[frames] or int16[frames, channels] a block, once.

    Example:
        >>> listen([np.zeros(800, np.int16)]).silent, listen([np.full(800, 32767, np.int16)]).clipped
        (True, True)
    """
    frames, least, most, stuck, samples = 0, 0, 0, 0, 0
    for block in blocks:
        if not len(block):
            continue
        first = frames == 0
        frames += len(block)
        samples += block.size
        low, high = int(block.min()), int(block.max())
        least, most = (low, high) if first else (min(least, low), max(most, high))
        if max(-low, high) >= _FULL:
            full = np.abs(block.astype(np.int32)) >= _FULL
            stuck += int((full[1:] & full[:-1] & (block[1:] == block[:-1])).sum())
    return Loudness(frames, most - least, stuck / samples if samples else 0.0)

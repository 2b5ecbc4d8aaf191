"""How loud a sound and its channels are, counted while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

CANCELLED = 0.01
"""Share of the loudest channel's power below which the mean of all holds little but what differs by accident (-20 dB)."""


@dataclass(eq=False)
class Levels:
    """Sums over the blocks of a sound, each without its own mean, since nobody hears a constant."""

    seconds: float = 0.0
    swing: float = 0.0
    """The largest distance between two samples of one channel and block."""
    mixed: float = 0.0
    """Power of the mean of all channels, times samples."""
    each: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    """The same of each channel."""

    def add(self, block: Floats, mono: Floats, rate: int) -> None:
        """Count a block, float32[n, channels], and the mean of its channels, float32[n]."""
        power = block.var(axis=0, dtype=np.float64) * len(block)
        width = max(len(self.each), len(power))  # a sound may change its channels on the way
        self.each = np.pad(self.each, (0, width - len(self.each))) + np.pad(power, (0, width - len(power)))
        self.mixed += float(mono.var(dtype=np.float64)) * len(block)
        self.swing = max(self.swing, float(np.ptp(block, axis=0).max()))
        self.seconds += len(block) / rate

    @property
    def loudest(self) -> int:
        """The channel of most power."""
        return int(self.each.argmax())

    @property
    def cancelled(self) -> bool:
        """Whether channels of opposite sign leave next to nothing of each other in their mean."""
        return self.mixed < CANCELLED * float(self.each.max())

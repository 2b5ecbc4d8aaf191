"""Sounds with gaps."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import SoundAugmentation
from palate.core.config import Config
from palate.core.types import Floats


class TimeMaskConfig(Config):
    """Settings of `time-mask`."""

    masks: int = Field(2, ge=1, le=100)
    """How many gaps there are."""
    longest: float = Field(0.1, ge=0, le=0.5)
    """The longest gap, of the sound's length; each has any length up to here."""


class TimeMask(SoundAugmentation[TimeMaskConfig]):
    """Silence some stretches of a sound.

    Park et al. 2019, arXiv:1904.08779, section 2, on the samples rather than on the spectrum.
    """

    name = "time-mask"
    paper = "Park et al. 2019"
    config_type = TimeMaskConfig

    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        masked = samples.copy()
        for _ in range(self.config.masks):
            length = round(rng.uniform(0, self.config.longest) * len(samples))
            start = int(rng.integers(len(samples) - length + 1))
            masked[start : start + length] = 0
        return masked

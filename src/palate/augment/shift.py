"""Sounds that begin elsewhere."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import SoundAugmentation
from palate.core.config import Config
from palate.core.types import Floats


class ShiftConfig(Config):
    """Settings of `shift`."""

    reach: float = Field(0.3, ge=0, le=0.5)
    """How far the beginning moves, either way, of the sound's length."""


class Shift(SoundAugmentation[ShiftConfig]):
    """Let a sound begin elsewhere; what is pushed out at one end comes in at the other.

    Salamon and Bello 2017, arXiv:1608.04363, section IV, whose patches begin at random.
    """

    name = "shift"
    paper = "Salamon and Bello 2017"
    config_type = ShiftConfig

    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        return np.roll(samples, round(rng.uniform(-self.config.reach, self.config.reach) * len(samples)))

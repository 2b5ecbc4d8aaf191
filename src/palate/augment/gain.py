"""Sounds louder or softer."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import SoundAugmentation
from palate.core.config import Config
from palate.core.types import Floats


class GainConfig(Config):
    """Settings of `gain`."""

    reach: float = Field(6.0, ge=0, le=40)
    """How far the loudness moves, either way; decibels."""


class Gain(SoundAugmentation[GainConfig]):
    """Make a sound louder or softer, and never so loud that it would be clipped.

    Peddinti et al. 2015, "JHU ASpIRE system", section 2 ("volume perturbation").
    """

    name = "gain"
    paper = "Peddinti et al. 2015"
    config_type = GainConfig

    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        factor = 10 ** (rng.uniform(-self.config.reach, self.config.reach) / 20)
        peak = float(np.abs(samples).max())
        return samples * np.float32(min(factor, 1 / peak) if peak > 1e-6 else 1)

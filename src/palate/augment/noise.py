"""Sounds with noise."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from palate.augment._base import SoundAugmentation
from palate.core.config import Config
from palate.core.types import Floats


class NoiseConfig(Config):
    """Settings of `noise`."""

    least: float = Field(10.0, ge=-20, le=100)
    """How much louder the sound is than the noise at least; decibels."""
    most: float = Field(30.0, ge=-20, le=100)
    """The same at most."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.least > self.most:
            raise ValueError(f"least was {self.least:g} and most {self.most:g}: let least be at most most")
        return self


class Noise(SoundAugmentation[NoiseConfig]):
    """Add white noise to a sound; silence gets none.

    Salamon and Bello 2017, arXiv:1608.04363, who add scenes of noise.
    """

    name = "noise"
    paper = "Salamon and Bello 2017"
    config_type = NoiseConfig

    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        level = float(np.sqrt(np.square(samples, dtype=np.float64).mean()))
        level *= 10 ** (-rng.uniform(self.config.least, self.config.most) / 20)
        return samples + np.float32(level) * rng.standard_normal(len(samples), np.float32)

"""A span of a sound."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import SoundAugmentation
from palate.augment._spans import span
from palate.core.config import Config
from palate.core.types import Floats


class CropSoundConfig(Config):
    """Settings of `crop-sound`."""

    least: float = Field(0.6, gt=0, le=1)
    """The shortest span, of the sound's length; its length lies anywhere from here to the whole."""


class CropSound(SoundAugmentation[CropSoundConfig]):
    """Keep a contiguous span of a sound.

    Saeed, Grangier and Zeghidour 2021, arXiv:2010.10915, who crop segments at random.
    """

    name = "crop-sound"
    paper = "Saeed et al. 2021"
    config_type = CropSoundConfig

    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        return samples[span(len(samples), self.config.least, rng)]

"""Pictures in other light."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance
from pydantic import Field

from palate.augment._base import PictureAugmentation
from palate.core.config import Config


class ColourJitterConfig(Config):
    """Settings of `colour-jitter`."""

    brightness: float = Field(0.2, ge=0, lt=1)
    """How far the brightness moves, either way, of what it is."""
    contrast: float = Field(0.2, ge=0, lt=1)
    """How far the contrast moves."""
    saturation: float = Field(0.2, ge=0, lt=1)
    """How far the colours move from grey, or to it."""


class ColourJitter(PictureAugmentation[ColourJitterConfig]):
    """Change a picture's brightness, contrast and saturation a little; transparency stays.

    Howard 2013, arXiv:1312.5402, section 2.
    """

    name = "colour-jitter"
    paper = "Howard 2013"
    config_type = ColourJitterConfig

    def _picture(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        asked = self.config
        turned = picture
        for kind, reach in (
            (ImageEnhance.Brightness, asked.brightness),
            (ImageEnhance.Contrast, asked.contrast),
            (ImageEnhance.Color, asked.saturation),
        ):
            turned = kind(turned).enhance(rng.uniform(1 - reach, 1 + reach))
        return turned

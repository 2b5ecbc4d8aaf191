"""Pictures in the mirror."""

from __future__ import annotations

import numpy as np
from PIL import Image
from pydantic import Field

from palate.augment._base import PictureAugmentation
from palate.core.config import Config


class FlipConfig(Config):
    """Settings of `flip`."""

    chance: float = Field(1.0, ge=0, le=1)
    """How likely a view is mirrored: 1 where it is the only method, 0.5 beside others of many views."""


class Flip(PictureAugmentation[FlipConfig]):
    """Mirror a picture, left to right; writing on it no longer reads.

    Krizhevsky, Sutskever and Hinton 2012, section 4.1.
    """

    name = "flip"
    paper = "Krizhevsky et al. 2012"
    config_type = FlipConfig

    def _picture(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        mirrored = rng.random() < self.config.chance
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture

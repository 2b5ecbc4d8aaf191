"""A piece of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image
from pydantic import Field

from palate.augment._base import PictureAugmentation
from palate.core.config import Config


class CropConfig(Config):
    """Settings of `crop`."""

    least: float = Field(0.6, gt=0, le=1)
    """The smallest piece, of the picture's area; its size lies anywhere from here to the whole."""


class Crop(PictureAugmentation[CropConfig]):
    """Keep a piece of a picture, in the picture's own proportions; an encoder scales it as any other.

    Szegedy et al. 2015, arXiv:1409.4842, section 6, without the change of proportions.
    """

    name = "crop"
    paper = "Szegedy et al. 2015"
    config_type = CropConfig

    def _picture(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        scale = rng.uniform(self.config.least, 1) ** 0.5
        width, height = (max(1, round(scale * side)) for side in picture.size)
        left, top = (
            int(rng.integers(whole - cut + 1)) for whole, cut in zip(picture.size, (width, height), strict=True)
        )
        return picture.crop((left, top, left + width, top + height))

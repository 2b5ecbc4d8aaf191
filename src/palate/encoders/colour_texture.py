"""Pictures by their colours and textures: no weights, no training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from palate.core.config import Config
from palate.core.types import Floats
from palate.encoders import _colours, _textures
from palate.encoders._base import Encoder
from palate.encoders._pictures import read_square
from palate.interfaces import Raw


class ColourTextureConfig(Config):
    """Settings of `colour-texture`: how much each of the four descriptions counts in a cosine."""

    histogram: float = Field(default=1.0, ge=0, le=10)
    """How often each colour occurs, wherever it is."""
    moments: float = Field(default=1.0, ge=0, le=10)
    """Mean and spread of the colour in nine fields of the picture."""
    patterns: float = Field(default=1.0, ge=0, le=10)
    """The fine texture, however it is turned."""
    gradients: float = Field(default=1.0, ge=0, le=10)
    """The directions of edges in sixteen fields of the picture."""
    side: int = Field(default=128, ge=32, le=512)
    """Pixels of the square that is looked at."""

    @model_validator(mode="after")
    def _something_counts(self) -> Self:
        if not self.histogram + self.moments + self.patterns + self.gradients:
            raise ValueError("histogram, moments, patterns and gradients are all 0: let one of them count")
        return self


class ColourTexture(Encoder[ColourTextureConfig]):
    """Colour histogram and moments, local binary patterns, directions of edges: 290 numbers a picture.

    The four descriptions have unit length each and are put side by side, times √weight, over the root of all weights: the
    cosine of two pictures is the mean of the four cosines. Histogram of hue, saturation and value, square roots (Swain and
    Ballard 1991); moments of CIELAB in a grid of 3 × 3 (Stricker and Orengo 1995); rotation-invariant uniform local binary patterns at two scales (Ojala,
    Pietikäinen and Mäenpää 2002); histograms of oriented gradients in a grid of 4 × 4 (Dalal and Triggs 2005).
    """

    name = "colour-texture"
    modality = "image"
    version = 2
    config_type = ColourTextureConfig
    batch = 64

    @property
    def dim(self) -> int:
        """72 of the histogram, 54 of the moments, 20 of the patterns, 144 of the gradients."""
        return 290

    def decode(self, raw: Raw) -> Floats:
        """Return the descriptions of the picture's centre square; all the work is done here, in the workers."""
        return describe(read_square(Path(raw), self.config.side, self.config.side), self._weights_of_parts())

    def _weights_of_parts(self) -> tuple[float, float, float, float]:
        given = self.config
        return given.histogram, given.moments, given.patterns, given.gradients

    def _encode(self, batch: Sequence[Floats]) -> Floats:
        return np.stack(batch)


def describe(pixels: npt.NDArray[np.uint8], weights: tuple[float, float, float, float]) -> Floats:
    """Return the descriptions of a picture, uint8[side, side, 3], as float32[290] of at most unit length."""
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    parts = (
        np.sqrt(_colours.histogram(pixels)),
        _colours.moments(pixels, 3),
        np.sqrt(_textures.binary_patterns(grey)),
        _textures.oriented_gradients(grey, 4),
    )
    total = sum(weights)
    unit = [part / max(float(np.linalg.norm(part)), 1e-12) for part in parts]
    scaled = [np.sqrt(weight / total) * part for weight, part in zip(weights, unit, strict=True)]
    return np.concatenate(scaled).astype(np.float32)

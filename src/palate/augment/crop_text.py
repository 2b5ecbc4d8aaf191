"""A span of a text."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import TextAugmentation
from palate.augment._spans import span
from palate.core.config import Config


class CropTextConfig(Config):
    """Settings of `crop-text`."""

    least: float = Field(0.6, gt=0, le=1)
    """The shortest span, of the text's words; its length lies anywhere from here to the whole."""


class CropText(TextAugmentation[CropTextConfig]):
    """Keep a contiguous span of a text's words.

    Meng et al. 2021, arXiv:2102.08473; Izacard et al. 2022, arXiv:2112.09118 ("independent cropping").
    """

    name = "crop-text"
    paper = "Meng et al. 2021"
    config_type = CropTextConfig

    def _words(self, words: list[str], rng: np.random.Generator) -> list[str]:
        return words[span(len(words), self.config.least, rng)]

"""Texts with some of their words in each other's place."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import TextAugmentation
from palate.core.config import Config


class WordSwapConfig(Config):
    """Settings of `word-swap`."""

    share: float = Field(0.2, ge=0, le=1)
    """Exchanges of two words, for each word of the text; at least one is made, unless this is 0."""


class WordSwap(TextAugmentation[WordSwapConfig]):
    """Let two words of a text change places, several times: what counts words alone sees no difference.

    Wei and Zou 2019, arXiv:1901.11196 ("random swap").
    """

    name = "word-swap"
    paper = "Wei and Zou 2019"
    config_type = WordSwapConfig

    def _words(self, words: list[str], rng: np.random.Generator) -> list[str]:
        swapped = list(words)
        for _ in range(max(round(self.config.share * len(words)), int(self.config.share > 0))):
            one, other = rng.choice(len(words), 2, replace=False)
            swapped[one], swapped[other] = swapped[other], swapped[one]
        return swapped

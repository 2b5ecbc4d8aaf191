"""Texts without some of their words."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from palate.augment._base import TextAugmentation
from palate.core.config import Config


class WordDropoutConfig(Config):
    """Settings of `word-dropout`."""

    share: float = Field(0.2, ge=0, lt=1)
    """How likely each word is dropped."""


class WordDropout(TextAugmentation[WordDropoutConfig]):
    """Drop each word of a text with some probability, and never all of them.

    Wei and Zou 2019, arXiv:1901.11196 ("random deletion").
    """

    name = "word-dropout"
    paper = "Wei and Zou 2019"
    config_type = WordDropoutConfig

    def _words(self, words: list[str], rng: np.random.Generator) -> list[str]:
        kept = rng.random(len(words)) >= self.config.share
        kept[rng.integers(len(words))] |= not kept.any()
        return [word for word, stays in zip(words, kept, strict=True) if stays]

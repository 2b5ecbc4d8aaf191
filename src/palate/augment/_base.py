"""What every augmentation shares: what it acts on, and that a view is of the same kind and in the same range."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from palate.augment._units import joined, units
from palate.core.part import C, Part
from palate.core.types import Floats


class Augmentation(Part[C], ABC):
    """Base of the augmentations: what is random comes from the generator that is handed in, and from nothing else."""

    modality: ClassVar[str]
    """What it acts on: text, image or audio."""
    paper: ClassVar[str]
    """Who described it, and when."""
    version: ClassVar[int] = 1
    """Raised whenever the same content, settings and generator give another view."""

    @abstractmethod
    def view(self, content: Any, rng: np.random.Generator) -> Any:
        """Return a view of a content; the content itself stays as it is."""


class TextAugmentation(Augmentation[C]):
    """Base of those of text: `_words` is what a new one writes.

    A word is what stands between blanks; of Chinese, Japanese and Thai, which write none, each sign counts as one.
    """

    modality = "text"

    def view(self, content: str, rng: np.random.Generator) -> str:
        """Return a view of a text that has words of this text and no others, at least one and at most as many.

        A text of one word, or of none, is its own view.
        """
        words = units(content)
        return joined(self._words(words, rng)) if len(words) > 1 else content

    @abstractmethod
    def _words(self, words: list[str], rng: np.random.Generator) -> list[str]:
        """Return at least one of at least two words; each holds the white space that follows it."""


class PictureAugmentation(Augmentation[C]):
    """Base of those of pictures: `_picture` is what a new one writes."""

    modality = "image"

    def view(self, content: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Return a view of a picture in mode L, RGB or RGBA: of the same mode, and not larger."""
        return self._picture(content, rng)

    @abstractmethod
    def _picture(self, picture: Image.Image, rng: np.random.Generator) -> Image.Image:
        """Return another picture of the same mode."""


class SoundAugmentation(Augmentation[C]):
    """Base of those of sound: `_samples` is what a new one writes."""

    modality = "audio"

    def view(self, content: Floats, rng: np.random.Generator) -> Floats:
        """Return a view of samples: not longer, and within -1 … 1.

        Shapes:
            float32[n], -1 … 1 -> float32[at most n, at least 1]; without samples there are none.
        """
        return np.clip(self._samples(content, rng), -1, 1).astype(np.float32) if len(content) else content

    @abstractmethod
    def _samples(self, samples: Floats, rng: np.random.Generator) -> Floats:
        """Return other samples at the same rate."""

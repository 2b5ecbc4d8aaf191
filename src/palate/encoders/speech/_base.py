"""What every recogniser shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, ClassVar

from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.registry import Registry
from palate.core.types import Floats
from palate.core.weights import WeightSource


class Recogniser(Part[C], ABC):
    """Base of the recognisers: sound to text. `transcribe` is what a new one writes.

    It runs in several threads at once, so it must not change the recogniser; each call should keep to one core.
    """

    weights: ClassVar[tuple[WeightSource, ...]] = ()
    version: ClassVar[int] = 1
    """Raised whenever the same sound and settings give another text."""

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the name, the settings and the weights."""
        return fingerprint(self.name, self.version, self.config, [source.sha256 for source in self.weights])

    @property
    def longest(self) -> float:
        """Seconds of a sound that are heard, from its start."""
        return 600.0

    def prepare(self) -> None:
        """Fetch and load what `transcribe` needs, before workers start."""

    @abstractmethod
    def transcribe(self, sound: Floats) -> str | None:
        """Write down what is said in a sound, float32[n] at 16 kHz; None where nobody speaks."""


registry: Registry[Recogniser[Any]] = Registry("recogniser", "palate.encoders.speech")

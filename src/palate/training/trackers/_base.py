"""What every tracker shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from palate.core.part import C, Part
from palate.core.types import JSON


class Tracker(Part[C], ABC):
    """Base of the trackers: told what is trained, then the figures of each epoch, then the end."""

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Take note of what is trained: model, settings, seed."""

    @abstractmethod
    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Take the figures of an epoch, by name."""

    def end(self) -> None:
        """Write what is still held."""

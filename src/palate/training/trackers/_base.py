"""What every tracker shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from palate.core.errors import StoreError
from palate.core.part import C, Part
from palate.core.types import JSON


class Tracker(Part[C], ABC):
    """Base of the trackers: told what is trained, the figures of each epoch, and the end, also where it broke off."""

    def begin(self, about: Mapping[str, JSON]) -> None:
        """Take note of what is trained: model, settings, seed."""

    @abstractmethod
    def epoch(self, number: int, figures: Mapping[str, float]) -> None:
        """Take the figures of an epoch, by name."""

    def end(self, *, done: bool) -> None:
        """Write what is still held; `done` is false where the training broke off."""


def no_place(what: str, path: Path, error: OSError) -> StoreError:
    """Build the error for a place that a tracker cannot write to."""
    return StoreError(f"{what} of a tracker, {path}, cannot be written ({error.strerror}): name another place for it")

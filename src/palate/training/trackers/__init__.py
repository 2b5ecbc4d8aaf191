"""Trackers, one a file: where the figures of a training go."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.training.trackers._base import Tracker

registry: Registry[Tracker[Any]] = Registry("tracker", __name__)

__all__ = ["Tracker", "registry"]

"""Late fusion: the scores of several recommenders to one, one method a file."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.fusion.late._base import LateFusion

registry: Registry[LateFusion[Any]] = Registry("score fusion", __name__)

__all__ = ["LateFusion", "registry"]

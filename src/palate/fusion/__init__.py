"""Many parts to one: early fusion of vectors, late fusion of scores, one method a file."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.fusion._base import EarlyFusion

registry: Registry[EarlyFusion[Any]] = Registry("fusion", __name__)

__all__ = ["EarlyFusion", "registry"]

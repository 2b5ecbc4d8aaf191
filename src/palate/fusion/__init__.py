"""Many parts to one: early fusion of vectors, late fusion of scores, one method a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from palate.core.registry import Registry
from palate.fusion._base import EarlyFusion

if TYPE_CHECKING:
    from palate.fusion.aligned import Aligned

registry: Registry[EarlyFusion[Any] | Aligned] = Registry("fusion", __name__)

__all__ = ["EarlyFusion", "registry"]

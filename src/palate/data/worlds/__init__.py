"""Generated datasets whose truth is known, one scenario a file."""

from __future__ import annotations

from palate.core.registry import Registry
from palate.data.worlds._base import Made, World, make

registry: Registry[World] = Registry("world", __name__)

__all__ = ["Made", "World", "make", "registry"]

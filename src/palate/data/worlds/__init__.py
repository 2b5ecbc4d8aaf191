"""Generated datasets whose truth is known, one scenario a file."""

from __future__ import annotations

from typing import Any

from palate.core.part import Part
from palate.core.registry import Registry

registry: Registry[Part[Any]] = Registry("world", __name__)

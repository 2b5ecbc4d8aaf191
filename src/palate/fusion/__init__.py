"""Many parts to one: early fusion of vectors, late fusion of scores, one method a file."""

from __future__ import annotations

from typing import Any

from palate.core.part import Part
from palate.core.registry import Registry

registry: Registry[Part[Any]] = Registry("fusion", __name__)

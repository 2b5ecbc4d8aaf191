"""Indexes of vectors, one a file; a file's name is the index's name with underscores for hyphens."""

from __future__ import annotations

from typing import Any

from palate.core.part import Part
from palate.core.registry import Registry

registry: Registry[Part[Any]] = Registry("index", __name__)

"""Dimensions made comparable: each part on a scale on which a cosine says what it should."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.standardise._base import Standardiser

registry: Registry[Standardiser[Any]] = Registry("standardiser", __name__)

__all__ = ["Standardiser", "registry"]

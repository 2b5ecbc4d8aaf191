"""Samplers, one a file: which items a like is held against."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.training.samplers._base import Sampler

registry: Registry[Sampler[Any]] = Registry("sampler", __name__)

__all__ = ["Sampler", "registry"]

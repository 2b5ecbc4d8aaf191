"""Importers, one format a file; a file's name is the format's name with underscores for hyphens."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.data.sources._base import Gathered, Report, Source, SourceConfig

registry: Registry[Source[Any]] = Registry("source", __name__)

__all__ = ["Gathered", "Report", "Source", "SourceConfig", "registry"]

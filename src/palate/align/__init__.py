"""Parts into one space: vectors of every modality turned so that a thing's own parts lie near each other."""

from __future__ import annotations

from typing import Any

from palate.align._agreement import Agreement, measure
from palate.align._base import Aligner
from palate.core.registry import Registry

registry: Registry[Aligner[Any]] = Registry("aligner", __name__)

__all__ = ["Agreement", "Aligner", "measure", "registry"]

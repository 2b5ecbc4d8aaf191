"""Many parts to one: early fusion of vectors, late fusion of scores, one method a file."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from palate.core.registry import Registry
from palate.fusion._base import EarlyFusion

if TYPE_CHECKING:
    from palate.fusion.aligned import Aligned

registry: Registry[EarlyFusion[Any] | Aligned] = Registry("fusion", __name__)

_PUBLIC = {"LearnedConfig": "_learned", "LearnedFusion": "_learned", "Join": "_join", "Tokens": "_join"}
"""What a fusion with a network is made of, loaded when asked for."""

__all__ = ["EarlyFusion", "registry", *_PUBLIC]  # noqa: PLE0604  the names are text


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

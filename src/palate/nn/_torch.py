"""torch, imported when something of it is first asked for; without it a model can still be listed, opened and scored."""

from __future__ import annotations

from functools import cached_property
from typing import Any, TypeAlias

from palate.core.errors import missing_extra

Tensor: TypeAlias = Any
"""A torch tensor; docstrings give its shape."""


class _Torch:
    @cached_property
    def _library(self) -> Any:
        try:
            import torch
        except ImportError as error:
            raise missing_extra("torch", "deep", "a model with a network") from error
        return torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)


torch: Any = _Torch()

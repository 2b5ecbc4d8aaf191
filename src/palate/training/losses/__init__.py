"""Losses, one a file: what a network should make smaller.

A loss takes `Pairs`, the scores of what was liked and of what it is held against; `alignment` takes the vectors themselves.
`info-nce` and `reconstruction` are terms that networks add for their parts.
"""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.training.losses._base import Loss

registry: Registry[Loss[Any]] = Registry("loss", __name__)

__all__ = ["Loss", "registry"]

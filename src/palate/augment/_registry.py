"""The registry of augmentations, in a module of its own, so that `_views.py` can look names up."""

from __future__ import annotations

from typing import Any

from palate.augment._base import Augmentation
from palate.core.registry import Registry

registry: Registry[Augmentation[Any]] = Registry("augmentation", __package__)

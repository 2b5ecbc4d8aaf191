"""Encoders taught by what people liked: the vectors of a part are changed so that what the same people like lies near.

One method a file. What is learned is small and lies on top of an encoder that stays as it is; `palate.encoders` applies it (`tuned-text`
and its like), so that new items and queries are encoded by it too.
"""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.finetune._base import Tuner

registry: Registry[Tuner[Any]] = Registry("fine-tuning method", __name__)

from palate.finetune._road import FineTuned, fine_tune  # noqa: E402  it looks methods up

__all__ = ["FineTuned", "Tuner", "fine_tune", "registry"]

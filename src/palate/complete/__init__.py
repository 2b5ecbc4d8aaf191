"""What is missing, estimated: vectors of things that lack a part, from the parts they have and the company they keep."""

from __future__ import annotations

from typing import Any

from palate.complete._advice import Advice, advised
from palate.complete._base import Completer, HiddenError, hidden_error
from palate.core.registry import Registry

registry: Registry[Completer[Any]] = Registry("completer", __name__)

__all__ = ["Advice", "Completer", "HiddenError", "advised", "hidden_error", "registry"]

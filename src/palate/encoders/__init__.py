"""Raw media to vectors, one encoder a file; a file's name is the encoder's name with underscores for hyphens."""

from __future__ import annotations

from typing import Any

from palate.core.registry import Registry
from palate.data.features import EncoderRef
from palate.encoders._base import BrokenInput, Encoder

registry: Registry[Encoder[Any]] = Registry("encoder", __name__)

__all__ = ["BrokenInput", "Encoder", "registry", "restore"]


def restore(ref: EncoderRef) -> Encoder[Any]:
    """Rebuild the encoder that made a part, so that a query is encoded the same way.

    Raises:
        UnknownNameError: no encoder of that name is installed.
    """
    kind = registry.get(ref.name)
    return kind(kind.config_type.of(ref.settings)).load_state(ref.state)

"""What lies behind the layers of an encoder's network, as vectors of their own: made once, kept in half the width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from palate.core.config import Config
from palate.core.errors import ConfigError
from palate.core.fingerprint import fingerprint
from palate.core.types import Floats
from palate.encoders._base import Encoder
from palate.interfaces import Raw

_LARGEST = float(np.finfo(np.float16).max)
_VERSION = 1


@runtime_checkable
class Layered(Protocol):
    """An encoder that tells what lies behind the layers of its network."""

    def shape_of_states(self) -> tuple[int, ...]:
        """Return how many layers there are, and how wide they are; the model is loaded and tried."""
        ...

    def with_states(self, batch: Sequence[Any]) -> tuple[Floats, Floats]:
        """Encode a batch without None in one pass; float32[b, dim], and the states, float32[b, layers, width]."""
        ...


def halved(states: Floats) -> Floats:
    """Return states as they come back from the disk, where they are float16."""
    return np.clip(states, -_LARGEST, _LARGEST).astype(np.float16).astype(np.float32)


class States(Encoder[Config]):
    """The states of another encoder as if they were its vectors, one layer after the other.

    Raises:
        ConfigError: that encoder has none; the message lists those that have.
    """

    name = "states"
    config_type = Config

    def __init__(self, inner: Encoder[Any], shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        self.inner, self.reads, self._shape = inner, layered(inner), shape
        self.modality, self.batch = inner.modality, inner.batch  # type: ignore[misc]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many layers there are, and how wide they are; the model is loaded where that was not given."""
        if self._shape is None:
            self._shape = self.reads.shape_of_states()
        return self._shape

    @property
    def dim(self) -> int:
        """All layers' numbers together."""
        return math.prod(self.shape)

    @property
    def fingerprint(self) -> str:
        """Digest of the encoder behind it."""
        return fingerprint(self.name, _VERSION, self.inner.fingerprint)

    def prepare(self) -> None:
        """Load the model."""
        self.inner.prepare()

    def decode(self, raw: Raw) -> Any:
        """Read one input as the encoder behind it does."""
        return self.inner.decode(raw)

    def _encode(self, batch: Sequence[Any]) -> Floats:
        _, states = self.reads.with_states(batch)
        return halved(states).reshape(len(states), -1)


def layered(encoder: Encoder[Any]) -> Layered:
    """Return the same encoder, of which the states can be had.

    Raises:
        ConfigError: it has none.
    """
    from palate.encoders import registry

    if not isinstance(encoder, Layered):
        have = [name for name in registry.names() if hasattr(registry.get(name), "with_states")]
        raise ConfigError(
            f"the encoder '{encoder.name}' has no hidden states: those of {', '.join(have)} have some; choose the method adapter, or "
            "encode the part with one of these"
        )
    return encoder

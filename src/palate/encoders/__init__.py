"""Raw media to vectors, one encoder a file; a file's name is the encoder's name with underscores for hyphens."""

from __future__ import annotations

from typing import Any

from palate.core.errors import ConfigError, did_you_mean
from palate.core.registry import Registry
from palate.data.features import EncoderRef
from palate.encoders._base import BrokenInput, EmptyInput, Encoder

registry: Registry[Encoder[Any]] = Registry("encoder", __name__)

__all__ = ["BrokenInput", "EmptyInput", "Encoder", "modalities", "named", "registry", "restore"]


def modalities() -> list[str]:
    """Return what the installed encoders read, sorted."""
    return sorted({registry.get(name).modality for name in registry.names()})


def named(choice: str, modality: str, **settings: Any) -> Encoder[Any]:
    """Return a new encoder by what a person wrote for a column: a name, or `scheme:model`.

    Args:
        choice: a name such as `use`; or `hf:org/name`, which takes the encoder of that scheme for the modality
            (`hf-text`, `hf-image`, …) with the setting `model`.
        modality: the kind of media in the column.
        settings: of the encoder.

    Raises:
        UnknownNameError: there is no such encoder.
        ConfigError: no encoder of the scheme reads this kind of media, or a setting is wrong.
    """
    scheme, colon, model = choice.partition(":")
    if not colon:
        return registry.get(choice)(**settings)
    kinds = {kind.modality: kind for kind in map(registry.get, registry.names()) if kind.scheme == scheme}
    if not kinds:
        schemes = {kind.scheme for kind in map(registry.get, registry.names())} - {""}
        raise ConfigError(f"'{choice}' names no encoder: {did_you_mean(scheme, sorted(schemes))}")
    if modality not in kinds:
        raise ConfigError(f"'{choice}' cannot read {modality}: '{scheme}:' reads {', '.join(sorted(kinds))}")
    return kinds[modality](**{**settings, "model": model})


def restore(ref: EncoderRef) -> Encoder[Any]:
    """Rebuild the encoder that made a part, so that a query is encoded the same way.

    Raises:
        UnknownNameError: no encoder of that name is installed.
    """
    kind = registry.get(ref.name)
    return kind(kind.config_type.of(ref.settings)).load_state(ref.state)

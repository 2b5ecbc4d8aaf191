"""Raw media to vectors, one encoder a file; a file's name is the encoder's name with underscores for hyphens."""

from __future__ import annotations

from keyword import iskeyword
from typing import Any

from palate.core.errors import ConfigError, PalateError, did_you_mean
from palate.core.registry import Registry
from palate.data.catalogue import TYPE_NAME
from palate.data.features import EncoderRef
from palate.encoders._base import BrokenInput, EmptyInput, Encoder

registry: Registry[Encoder[Any]] = Registry("encoder", __name__)

__all__ = ["BrokenInput", "EmptyInput", "Encoder", "modalities", "named", "registry", "restore"]


def modalities() -> list[str]:
    """Return what the installed encoders read, sorted.

    Raises:
        PalateError: one of another distribution reads what cannot be the name of a column's type and of an option.
    """
    read = {registry.get(name).modality: name for name in registry.names()}
    for modality, name in read.items():
        if not TYPE_NAME.fullmatch(modality) or iskeyword(modality) or modality == "help":
            raise PalateError(
                f"the encoder '{name}' reads '{modality}', which cannot name a modality: small letters, digits and underscores can, as "
                "in smell; mend it or uninstall it"
            )
    return sorted(read)


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

    A part of views is no other: their mean lies where the things themselves lie, and words dropped from a short question would be
    missed, so a query is encoded as it is.

    Raises:
        UnknownNameError: no encoder of that name is installed.
    """
    kind = registry.get(ref.name)
    return kind(kind.config_type.of(ref.settings)).load_state(ref.state)

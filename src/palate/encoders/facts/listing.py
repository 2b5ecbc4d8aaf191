"""The facts of encoders and recognisers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from palate.core.errors import PalateError
from palate.encoders import Encoder, registry
from palate.encoders.facts.speed import known_speed
from palate.encoders.speech import Recogniser
from palate.encoders.speech import registry as recognisers


@dataclass(frozen=True)
class Facts:
    """What is known of one encoder or recogniser."""

    name: str
    summary: str
    reads: str
    """The modality, as in `image`; of a recogniser `speech`."""
    dim: int | None
    """Numbers a vector; None where a setting decides it, as of a model of the hub, and of a recogniser, which gives text."""
    bytes: int | None
    """Of the pretrained files; 0 where there are none, None where a setting chooses them."""
    licence: str
    """Of the pretrained files, `, ` between several."""
    per_second: float | None
    """Items a second, decoding included, on all cores of this machine; None where that was not measured."""


def facts() -> list[Facts]:
    """Return the facts of every encoder, then of every recogniser, by name; nothing is fetched."""
    known = [_of(registry.get(name), registry.get(name).modality) for name in registry.names()]
    return known + [_of(recognisers.get(name), "speech") for name in recognisers.names()]


def _of(kind: type[Encoder[Any]] | type[Recogniser[Any]], reads: str) -> Facts:
    chosen, made = bool(getattr(kind, "scheme", "")), _made(kind)
    weights = kind.weights if made is None else made.sources()
    licences = sorted({source.licence for source in weights if source.licence})
    size = None if chosen else sum(source.size for source in weights)
    summary = (kind.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
    return Facts(
        kind.name, " ".join(summary.split()), reads, _dim(made), size, "by model" if chosen else ", ".join(licences),
        known_speed(kind.name, kind.version),
    )  # fmt: skip


def _made(kind: type[Any]) -> Encoder[Any] | None:
    """Return the encoder with the settings that hold unless others are chosen; None where there are none, or no encoder."""
    try:
        return kind() if issubclass(kind, Encoder) and not kind.scheme else None
    except PalateError:
        return None


def _dim(made: Encoder[Any] | None) -> int | None:
    try:
        return None if made is None else int(made.dim)
    except PalateError:  # what it learns decides
        return None

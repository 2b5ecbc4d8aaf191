"""What the encoders of hub models share: which model, what pins it, and the space that its towers share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from pydantic import field_validator

from palate.core.config import Config
from palate.core.errors import ConfigError, WeightsError
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import JSON, Floats
from palate.encoders._base import Encoder
from palate.encoders._hub import HubModel, absolute, locate
from palate.encoders._hub_torch import load_model
from palate.encoders._texts import reading

_WITH_PICTURES = ("align", "altclip", "chinese_clip", "clip", "metaclip_2", "siglip", "siglip2")
TOWERS = {**{kind: ["image", "text"] for kind in _WITH_PICTURES}, "clap": ["audio", "text"]}
"""Architectures that encode several modalities into one space."""


class HubConfig(Config):
    """What every encoder of hub models has to be told."""

    model: str = ""
    """`org/name`, `org/name@revision`, or the path of a folder in the hub's layout."""

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        if not model:
            raise ConfigError("which hub model is not said: write hf:org/name, or hf:./folder")
        return absolute(model)


H = TypeVar("H", bound=HubConfig)


class HubEncoder(Encoder[H]):
    """Base of the encoders of hub models.

    A part remembers the commit, and the digest of the files that made it: a query is encoded by the same or not at all.
    Where a model lies does not matter to its fingerprint.
    """

    scheme = "hf"
    shared_when: ClassVar[tuple[str, ...]] = ()
    """Settings that must stand at their defaults for vectors to lie in the space that the model's towers share."""
    _made_by: dict[str, JSON] | None = None

    @cached_property
    def hub(self) -> HubModel:
        """The model's files, fetched where the cache lacks them; from then on the settings name their commit.

        Raises:
            WeightsError: they cannot be had.
        """
        found = locate(self.config.model)
        self.config = self.config.model_copy(update={"model": found.pinned})
        return found

    @cached_property
    def _loaded(self) -> Any:
        """The torch module.

        Raises:
            WeightsError: it cannot be loaded, or is not what made the part that this encoder was restored for.
        """
        if self._made_by is not None and self._made_by["model"] != self.hub.digest:
            raise WeightsError(
                f"the model {self.config.model} has changed since it made these vectors: bring back the files that it had, or "
                "encode and train again"
            )
        return load_model(self.hub)

    @cached_property
    def _identity(self) -> str:
        settings = self.config.model_dump(mode="json", exclude={"model"})
        read = (reading(),) if self.modality == "text" else ()
        return fingerprint(self.name, self.version, settings, *read)

    def state(self) -> State:
        """Return the digest of the model's files, and the modalities that it encodes into one space."""
        if self._made_by is None:
            kind = (self.hub.config() or {}).get("model_type")
            return State(meta={"model": self.hub.digest, "towers": TOWERS.get(str(kind), [])})
        return State(meta=self._made_by)

    def load_state(self, state: State) -> Self:
        """Take over what must be found again; nothing is fetched yet."""
        self._made_by = dict(state.meta)
        return self

    @property
    def space(self) -> str:
        """The space of the model's towers, where it has several and the settings keep to them."""
        meta = self.state().meta
        return fingerprint("hub space", meta["model"]) if self._is_shared() else super().space

    def companion(self, modality: str) -> Encoder[Any] | None:
        """Return the encoder of another tower of the same model."""
        if modality == self.modality or not self._is_shared() or modality not in self.state().meta["towers"]:
            return None
        from palate.encoders import registry

        return registry.get(f"hf-{modality}")(model=self.config.model).load_state(self.state())

    def _is_shared(self) -> bool:
        fields = type(self.config).model_fields
        as_made = all(getattr(self.config, name) == fields[name].default for name in self.shared_when)
        return as_made and self.modality in self.state().meta["towers"]

    @property
    def dim(self) -> int:
        """Width of the model's vectors, known once it is loaded."""
        return self._width

    @cached_property
    def _width(self) -> int:
        return int(self._try().shape[1])

    @abstractmethod
    def _try(self) -> Floats:
        """Load the model and encode something small, float32[1, dim]."""

    def prepare(self) -> None:
        """Fetch what the cache lacks, load the model and try it.

        Raises:
            WeightsError: it cannot be had, or cannot do what is asked of it.
            MissingExtraError: the `hub` extra is not installed.
        """
        self._width  # noqa: B018  known on first use


def stacked(model: HubModel, layers: Sequence[Floats]) -> Floats:
    """Return the states of a network's layers side by side, float32[b, layers, width].

    Raises:
        ConfigError: they are not of one width.
    """
    widths = [layer.shape[1] for layer in layers]
    if len(set(widths)) != 1:
        raise ConfigError(
            f"the layers of {model.name} are {', '.join(map(str, widths))} numbers wide, and states are read of networks whose layers "
            "are alike, as of transformers: choose the method adapter"
        )
    return np.stack(layers, axis=1)


def by_shape(arrays: Sequence[Floats], encode: Callable[[list[Floats]], Floats], most: int) -> Floats:
    """Encode arrays in lists of one shape, so that nothing has to be padded; rows come back in the order given.

    Shapes:
        n arrays -> float32[n, dim]; `encode` takes at most `most` at once.
    """
    places: dict[tuple[int, ...], list[int]] = {}
    for place, array in enumerate(arrays):
        places.setdefault(array.shape, []).append(place)
    rows: list[Floats] = [np.zeros(0, np.float32)] * len(arrays)
    for alike in places.values():
        for start in range(0, len(alike), most):
            some = alike[start : start + most]
            for place, row in zip(some, encode([arrays[place] for place in some]), strict=True):
                rows[place] = row
    return np.stack(rows)


def unit(vectors: Floats) -> Floats:
    """Return rows at unit length; a row of zeros becomes NaN, since it points nowhere."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1), np.nan).astype(np.float32)

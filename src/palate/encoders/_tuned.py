"""An encoder with what fine-tuning added to it; `palate.finetune` learns that, and nothing of it is learned here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import Field, field_validator

from palate.core.config import Config
from palate.core.errors import ConfigError, StoreError, WeightsError
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import JSON, Floats
from palate.data.features import EncoderRef
from palate.encoders._base import Encoder
from palate.encoders._changes import CHANGES, Change, Side
from palate.encoders._states import halved, layered
from palate.interfaces import Raw

FILE = "tuned"
"""Name of the two files of a folder that holds a fine-tuned encoder."""
_OWN = ("mean", "scale", "size", "state_mean", "state_scale")
_LEARNED, _INNER = "learned", "encoder"


def _none() -> Floats:
    return np.empty((0, 0), np.float32)


@dataclass(frozen=True, eq=False)
class Tuning:
    """What was learned for the vectors of one encoder: y = x + strength size f((x - mean) / scale).

    Shapes:
        mean, scale: float32[dim], of the vectors of training; size: float32[dim], the scale again, 0 where these are all the same.
        state_mean, state_scale: float32[n, width], of the states of the layers that are read; empty where none is.
    """

    change: Change
    learned: Mapping[str, Floats]
    mean: Floats
    scale: Floats
    size: Floats
    about: Mapping[str, JSON]
    """Where it was learned: `part`, and `taught`, as `palate.data.features.FeatureTable` has it."""
    encoder: EncoderRef | None = None
    """Of the encoder that made the vectors; None where they were ready-made."""
    made_by: str = ""
    """The fingerprint that this encoder had."""
    state_mean: Floats = field(default_factory=_none)
    state_scale: Floats = field(default_factory=_none)

    def applied(self, rows: Floats, states: Floats | None = None, strength: float = 1.0) -> Floats:
        """Return vectors as fine-tuning would have them.

        Shapes:
            rows: float32[b, dim]; states: float32[b, layers, width], of all layers -> float32[b, dim].
        """
        behind = None if states is None else self.entering_states(states)
        added = self.change.applied(self.learned, self.entering(rows), behind)
        return np.asarray(rows + np.float32(strength) * self.size * added, dtype=np.float32)

    def entering(self, rows: Floats) -> Floats:
        """Return vectors as the network reads them."""
        return np.asarray((rows - self.mean) / self.scale, dtype=np.float32)

    def entering_states(self, states: Floats) -> Floats:
        """Return the states of the layers that are read, as the network reads them; float32[b, layers, width] -> float32[b, n, width]."""
        assert isinstance(self.change, Side)
        return np.asarray((states[:, self.change.layers] - self.state_mean) / self.state_scale, dtype=np.float32)

    def state(self) -> State:
        """Return all of it, as it is saved and as parts and bundles keep it."""
        arrays = {name: np.asarray(getattr(self, name)) for name in _OWN}
        told = {
            "method": self.change.method,
            "change": asdict(self.change),
            "about": dict(self.about),
        }
        state = State(arrays, told).joined(_LEARNED, State(self.learned))
        if self.encoder is None:
            return state
        reads = {"name": self.encoder.name, "settings": self.encoder.settings, "fingerprint": self.made_by}
        return State(state.arrays, {**state.meta, "reads": reads}).joined(_INNER, self.encoder.state)

    @classmethod
    def of(cls, state: State) -> Self:
        """Read what `state` returned."""
        told = state.meta
        shape: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in told["change"].items()
        }
        own: dict[str, Any] = {name: state.arrays[name] for name in _OWN}
        change, learned = CHANGES[told["method"]](**shape), state.nested(_LEARNED).arrays
        made = cls(change, learned, about=told["about"], **own)
        if (reads := told.get("reads")) is None:
            return made
        ref = EncoderRef(reads["name"], reads["settings"], state.nested(_INNER))
        return replace(made, encoder=ref, made_by=reads["fingerprint"])


class TunedConfig(Config):
    """Settings of every fine-tuned encoder."""

    model: str = ""
    """The folder that `palate fine-tune --out` wrote."""
    strength: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """How much of what was learned is added; 0 gives the vectors of the encoder that was fine-tuned."""

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        return str(Path(model).expanduser().absolute()) if model else ""


K = TypeVar("K", bound=TunedConfig)


class Tuned(Encoder[K]):
    """Base of the fine-tuned encoders, one a modality: another encoder decodes, and its vectors are changed.

    What was learned goes along with a part and a bundle, so that the folder need not be there to encode a query.

    Raises:
        ConfigError: no folder is named; what is there was learned for another modality, or for vectors that no encoder made.
        StoreError: the folder holds no fine-tuned encoder, or is damaged.
        WeightsError: the encoder is not what it was when it was fine-tuned.
    """

    scheme = "tuned"
    batch = 8
    config_type = TunedConfig
    _given: State | None = None
    _asks = False
    """Whether it encodes what is searched for."""

    @cached_property
    def tuning(self) -> Tuning:
        """What was learned, from the state that was given or from the folder."""
        return Tuning.of(self._state)

    @cached_property
    def _state(self) -> State:
        if self._given is not None:
            return self._given
        if not self.config.model:
            raise ConfigError(
                "which fine-tuned encoder is not said: write tuned:./folder, as 'palate fine-tune --out' made it"
            )
        return read_tuning(Path(self.config.model))

    @cached_property
    def inner(self) -> Encoder[Any]:
        """The encoder that was fine-tuned."""
        from palate.encoders import restore

        ref = self.tuning.encoder
        if ref is None:
            raise ConfigError(
                f"what was fine-tuned at {self.config.model} are ready-made vectors of the part '{self.tuning.about['part']}', which no "
                "encoder of Palate makes: there is nothing to read raw media with"
            )
        made = restore(ref)
        if made.modality != self.modality:
            raise ConfigError(
                f"the encoder at {self.config.model} reads {made.modality}, and {self.modality} was given: choose it for a "
                f"column of {made.modality}"
            )
        if made.fingerprint != self.tuning.made_by:
            raise WeightsError(
                f"the encoder '{made.name}' is no longer the one whose vectors were fine-tuned: bring back its version, or encode "
                f"'{self.tuning.about['part']}' and fine-tune it again"
            )
        return made.for_queries() if self._asks else made

    @property
    def dim(self) -> int:
        """Width of a vector: that of the encoder which was fine-tuned."""
        return self.tuning.change.dim

    @property
    def taught(self) -> Mapping[str, JSON] | None:
        """Which interactions it learned from."""
        return self.tuning.about.get("taught")

    @cached_property
    def _identity(self) -> str:
        return fingerprint(self.name, self.version, self.config.strength)

    def prepare(self) -> None:
        """Fetch and load what the encoder needs that was fine-tuned."""
        self.inner.prepare()

    def for_queries(self) -> Self:
        """Return one whose inner encoder encodes what is searched for."""
        asking = type(self)(self.config).load_state(self.state())
        asking._asks = True
        return asking

    def decode(self, raw: Raw) -> Any:
        """Read one input as the encoder does that was fine-tuned."""
        return self.inner.decode(raw)

    def _encode(self, batch: Sequence[Any]) -> Floats:
        strength = self.config.strength
        if isinstance(self.tuning.change, Side):
            rows, states = layered(self.inner).with_states(batch)
            return self.tuning.applied(rows, halved(states), strength)
        values, present = self.inner.encode(batch)
        return np.where(present[:, None], self.tuning.applied(values, strength=strength), np.float32(np.nan))

    def state(self) -> State:
        """Return what was learned, and what the inner encoder remembers."""
        return self._state

    def load_state(self, state: State) -> Self:
        """Take over what was learned; nothing is read from the folder."""
        self._given = state
        return self


def read_tuning(folder: Path) -> State:
    """Read what `palate fine-tune --out` wrote.

    Raises:
        StoreError: there is none, or it is damaged.
    """
    if not (folder / f"{FILE}.json").is_file():
        raise StoreError(f"{folder} holds no fine-tuned encoder: give the folder that 'palate fine-tune --out' wrote")
    return State.load(folder, FILE)

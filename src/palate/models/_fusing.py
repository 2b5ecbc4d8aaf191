"""Networks that read one vector of an item's parts, made by a fusion, in place of each part by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self, TypeVar

import numpy as np

from palate.core.errors import ConfigError
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Fusion, Joins, Run, Settles
from palate.models._deep import DeepConfig, DeepModel
from palate.models._deep_parts import PartsConfig, Prepared
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.mixing import Mixed, MixupConfig

FUSED = "fused"
"""Name under which what a fusion made stands in place of the parts."""


class FusingConfig(MixupConfig, PartsConfig, DeepConfig):
    """What every network can be told that reads parts one by one, or fused."""


K = TypeVar("K", bound=FusingConfig)


class FusingModel(DeepModel[K]):
    """Base of the networks that take a fusion, where one is given; without it each part is read by a map of its own.

    A fusion with a network hands over its module, which is learned together with the rest; any other is fitted first, and what it
    made is read as one part; validation may choose something of it.

    Raises:
        ConfigError: a fusion that is learned together with the rest was told how wide, or how it learns; parts that are fused before were
            given weights; parts are to be mixed, and there are none.
    """

    fusion: Fusion | None
    _fitted: Fusion | None = None
    """The fusion as it was fitted, where it was fitted first."""
    _valid: Dataset | None = None
    _shown: Mapping[str, Prepared | Joined] | None = None
    """What the network reads, while it learns."""

    def __init__(self, config: K | None = None, /, *, fusion: Fusion | None = None, **settings: Any) -> None:
        super().__init__(config, **settings)
        if isinstance(fusion, Joins):
            _refuse_idle(self.name, fusion)
        self.fusion = fusion

    def spec(self) -> dict[str, Any]:
        """Return the name, the settings, and the fusion where there is one."""
        return {**super().spec(), **({} if self.fusion is None else {"fusion": spec_of(self.fusion)})}

    def settled(self) -> Self:
        """Return an unfitted model that learns for as many epochs as validation found best, and looks at it no more."""
        fitted = self._fitted
        fusion = fitted.settled() if isinstance(fitted, Settles) else self.fusion
        return type(self)(self.config.model_copy(update=self._chosen()), fusion=fusion)

    def _learn(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self._valid = valid
        try:
            super()._learn(train, valid, run)
        finally:
            self._valid = self._shown = None

    def _taught(self, network: Any, train: Dataset) -> Any:
        mixup = self.config.mixup
        if not mixup:
            return network
        if not self._shown:
            raise ConfigError(f"{self.name} was given mixup={mixup}, and items have no parts to mix: leave it out")
        tables = {name: part.columns for name, part in self._shown.items()}
        return Mixed(network, mixup, train.liked, tables)

    def _read(
        self, ready: Mapping[str, Prepared], train: Dataset, rng: np.random.Generator
    ) -> Mapping[str, Prepared | Joined]:
        """Return what the network reads: the parts as they are, or what a fusion makes of them."""
        self._shown = self._joined(ready, train, rng)
        return self._shown

    def _joined(
        self, ready: Mapping[str, Prepared], train: Dataset, rng: np.random.Generator
    ) -> Mapping[str, Prepared | Joined]:
        if self.fusion is None or not ready:
            return ready
        kind: Any = type(self.fusion)
        fusion = kind(self.fusion.config)  # another model may hold the one given
        if isinstance(fusion, Joins):
            return {FUSED: Joined(fusion, ready)}
        if self.config.weights is not None:
            raise ConfigError(
                f"{self.name} was given weights of parts, and the fusion {fusion.name} makes one of them before: leave one of the two out, "
                "or take the fusion weighted, and give the weights to it"
            )
        parts = train.item_parts(tuple(ready))
        self._fitted = fusion.fit(parts, train, rng, self._valid)
        table = fusion.fuse(parts)
        return {FUSED: Prepared(table.values, table.present)}


def _refuse_idle(name: str, fusion: Joins) -> None:
    own = fusion.config.model_dump(exclude_defaults=True)
    idle = sorted(own.keys() & fusion.alone)
    if idle:
        given = f"the fusion {fusion.name} was given {idle[0]}={own[idle[0]]}, and is learned together with {name}, as {name} learns"
        told = f": give {idle[0]} to the model" if idle[0] in FusingConfig.model_fields else ""
        raise ConfigError(f"{given}{told or ': leave it out'}")


def spec_of(fusion: Fusion) -> dict[str, Any]:
    """Return the name and the settings of a fusion, from which a recipe rebuilds it."""
    return {"name": fusion.name, "settings": fusion.config.model_dump(mode="json")}


class Joined:
    """Several parts as one, side by side with which of them there are, and the module that joins them.

    Shapes:
        values: float32[n, numbers of all parts + m]; there: bool[n, m]; present: bool[n].
    """

    values: Floats
    there: Mask
    present: Mask
    columns: list[tuple[int, Mask]]
    """How many numbers each part has, and which items have it."""

    def __init__(self, fusion: Joins, parts: Mapping[str, Prepared]) -> None:
        self.fusion = fusion
        self.widths = {name: part.values.shape[1] for name, part in parts.items()}
        self.there = np.stack([part.present for part in parts.values()], axis=1)
        self.values = np.concatenate([*(part.values for part in parts.values()), self.there.astype(np.float32)], axis=1)
        self.present = np.asarray(self.there.any(axis=1))
        self.columns = [each for part in parts.values() for each in part.columns]


def of_left(values: Tensor, left: Tensor) -> Tensor:
    """Return the values of joined parts as if only those that are left were there; float32[n, k], bool[n, m] -> float32[n, k]."""
    return torch.cat([values[:, : -left.shape[1]], left.float()], dim=1)


def reader(weights: Weights, label: str, part: Prepared | Joined, dim: int, *, bias: bool = True) -> Any:
    """Add what turns a part into vectors: a linear map, or the module that joins several, whose vectors have length one."""
    if isinstance(part, Joined):
        return _Module(weights, label, part, dim)
    return weights.linear(label, part.values.shape[1], dim, bias=bias)


class _Module:
    def __init__(self, weights: Weights, label: str, part: Joined, dim: int) -> None:
        before = len(weights.named)
        self.widths = part.widths
        self.join = part.fusion.module(_Under(weights, f"{label}: "), part.widths, dim)
        self.own = list(weights.named.values())[before:]

    def __call__(self, values: Tensor) -> Tensor:
        """Return float32[n, dim], zeros for items without any part."""
        *parts, there = values.split([*self.widths.values(), len(self.widths)], dim=1)
        rows = {name: part * part.shape[1] ** 0.5 for name, part in zip(self.widths, parts, strict=True)}
        joined = torch.nn.functional.normalize(self.join(rows, there > 0), dim=1)
        return joined * (there > 0).any(1, keepdim=True)

    def parameters(self) -> Iterator[Tensor]:
        """Yield the weights of the module."""
        yield from self.own


class _Under(Weights):
    """The weights of a network, with what is added named after where it belongs."""

    def __init__(self, inner: Weights, prefix: str) -> None:
        self.rng, self.device, self.named = inner.rng, inner.device, inner.named
        self.prefix = prefix

    def _added(self, name: str, parameter: Tensor) -> Tensor:
        return super()._added(f"{self.prefix}{name}", parameter)


def refuse_rebuilding(parts: Mapping[str, Prepared | Joined]) -> None:
    """Make sure that the parts are there one by one, for a network that makes them again.

    Raises:
        ConfigError: a fusion's module joins them.
    """
    if any(isinstance(part, Joined) for part in parts.values()):
        raise ConfigError(
            "the task reconstruction makes each part again, and a fusion with a network joined them: leave one of the two out"
        )

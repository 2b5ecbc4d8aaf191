"""What every aligner shares: the checks at the door, the standardising, and the walk over blocks of rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import PositiveInt

from palate.align._agreement import Agreement, measure
from palate.core.config import Config
from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.state import State
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, Of
from palate.interfaces import Parts
from palate.linalg.standard import Standard, known, packed, trained_parts, unpacked

_BLOCK = 4096
_LOOKED_AT = 4000
"""Rows of which the agreement is measured."""


class AlignerConfig(Config):
    """What every aligner can be told."""

    dim: PositiveInt = 64
    """Width of the space that all parts come to."""


@dataclass(frozen=True, eq=False)
class Views:
    """What an aligner learns from: the rows of each part that occur in training, standardised and of length one.

    Shapes:
        rows: float32[n, d] by part, zeros where absent; present: bool[n] by part; codes: int64[n], which things they are.
    """

    rows: Mapping[str, Floats]
    present: Mapping[str, Mask]
    codes: npt.NDArray[np.int64]
    of: Of


class Aligner(Part[C], ABC):
    """Base of the aligners: `_fit` and `_map` are what a new one writes, and `_arrays` and `_take` where it learns.

    Each part is standardised per dimension on the rows that occur in the training interactions, and each row scaled to
    length one, before the aligner sees it. It is fitted on these rows alone.

    Missing data:
        Absent values are never read; what is absent stays absent. A row of which nothing can be said, as of a part that no trained
        thing has, comes out absent too. A fitted part that is not given to `align` is not in the result.
    """

    config_type: ClassVar[type[Config]] = AlignerConfig
    extra: ClassVar[str | None] = None
    """The optional extra that fitting it needs; what is fitted aligns without it."""
    paper: ClassVar[str]
    """Who described it, and when."""
    cost: ClassVar[str]
    """What fitting takes: n things, d numbers of a part, m parts, k numbers of the common space, w those of all parts, h of a hidden
    layer, b things of a step."""

    standards: dict[str, Standard]
    """By part name, in sorted order."""
    agreement: Agreement
    """How well the parts of what it was fitted on lie in the common space; those of other things agree less."""

    @property
    def dim(self) -> int:
        """Width of every part that comes out."""
        return int(self.config.dim)  # type: ignore[attr-defined]

    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator) -> Self:
        """Learn the common space from what occurs in training.

        Raises:
            DataError: no part is given, or the parts have different rows, or not those of the data.
        """
        parts, trained = trained_parts(self.name, parts, data)
        self.standards = {name: Standard.of(table, trained) for name, table in parts.items()}
        codes = np.flatnonzero(trained if trained.any() else np.ones(len(trained), bool))
        present = {name: table.present[codes] for name, table in parts.items()}
        rows = {name: self.standards[name].units(table.values[codes], present[name]) for name, table in parts.items()}
        self._fit(Views(rows, present, codes, next(iter(parts.values())).of), data, rng)
        some = codes if len(codes) <= _LOOKED_AT else np.sort(rng.permutation(codes)[:_LOOKED_AT])
        self.agreement = measure(self.align({name: table.take(some) for name, table in parts.items()}))
        return self

    @abstractmethod
    def _fit(self, views: Views, data: Dataset, rng: np.random.Generator) -> None:
        """Learn from the rows that occur in training; parts are sorted by name."""

    @abstractmethod
    def _map(self, name: str, rows: Floats) -> Floats:
        """Return float32[b, dim] for standardised rows of a part, float32[b, d]."""

    def align(self, parts: Parts) -> dict[str, FeatureTable]:
        """Return the parts in the common space, sorted by name.

        Shapes:
            parts: float32[n, d] each -> float32[n, dim] each.
        Raises:
            DataError: a part was not there when the aligner was fitted, or has another width.
        """
        parts = known(self.name, parts, self.standards)
        made_by = fingerprint(self.name, self.config, self._learned().fingerprint)
        return {name: self._table(name, table, made_by) for name, table in parts.items()}

    def _table(self, name: str, table: FeatureTable, made_by: str) -> FeatureTable:
        values = np.zeros((len(table), self.dim), dtype=np.float32)
        there = np.flatnonzero(table.present)
        for start in range(0, len(there), _BLOCK):
            codes = there[start : start + _BLOCK]
            rows = self.standards[name].units(table.values[codes], np.ones(len(codes), bool))
            values[codes] = self._map(name, rows)
        return FeatureTable(
            values, table.present & values.any(axis=1), fingerprint(made_by, name, table.source), of=table.of
        )

    @abstractmethod
    def _arrays(self) -> Mapping[str, Floats]:
        """Return what was learned, beside how to standardise."""

    @abstractmethod
    def _take(self, arrays: Mapping[str, Floats]) -> None:
        """Take that over."""

    def _learned(self) -> State:
        whole = packed(self.standards)
        return State({**whole.arrays, **self._arrays()}, whole.meta)

    def state(self) -> State:
        """The means and deviations, what the aligner itself learned, and how well the parts agree."""
        found = {key: None if math.isnan(value) else value for key, value in asdict(self.agreement).items()}
        learned = self._learned()
        return State(learned.arrays, {**learned.meta, "agreement": found})

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        self.standards = unpacked(state)
        found = state.meta["agreement"]
        self.agreement = Agreement(**{key: math.nan if value is None else value for key, value in found.items()})
        self._take(state.arrays)
        return self

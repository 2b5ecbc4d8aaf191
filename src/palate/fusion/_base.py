"""What every early fusion shares: the checks at the door, the standardising, and the walk over blocks of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.state import State
from palate.core.types import Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.fusion._faults import refuse_shape, told
from palate.interfaces import Parts
from palate.linalg.standard import Standard, known, packed, trained_parts, unpacked

_BLOCK = 2048
Units = dict[str, Floats]
"""Standardised rows of length one by part; zeros where the part is absent."""


@dataclass(frozen=True, eq=False)
class Fitting:
    """What an early fusion learns from: the parts, checked and sorted by name, and what is known of their rows.

    Shapes:
        trained: bool[n], the rows that occur in the training interactions.
    """

    parts: Parts
    trained: Mask
    data: Dataset
    valid: Dataset | None
    """Likes that training lacks, where there are any; they may choose (when to stop, how to weigh), and teach nothing."""
    rng: np.random.Generator


class EarlyFusion(Part[C], ABC):
    """Base of the early fusions: `_fit`, `dim`, `_place` and `_shares` are what a new one writes.

    Each part is standardised per dimension on the rows that occur in the training interactions, then each row is
    scaled to length one. Fused rows have length one as well, so that their inner product is their cosine.

    Missing data:
        Absent values are never read. A row is absent in the result if every part of it is. A fitted part that is
        not given to `fuse` counts as absent everywhere.
    """

    paper: ClassVar[str]
    """Who described it, and when."""
    cost: ClassVar[str]
    """What fitting takes: n things, m parts, w numbers of all parts, k numbers of the result."""
    standardises = True
    """Whether dimensions are made alike; not those of parts that lie in one space already."""
    standards: dict[str, Standard]
    """By part name, in sorted order."""

    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator, valid: Dataset | None = None) -> Self:
        """Learn how to standardise, and what the fusion itself needs.

        Raises:
            DataError: no part is given, or the parts have different rows. PalateError: the fusion itself failed.
        """
        parts, trained = trained_parts(self.name, parts, data)
        self._standardise(parts, trained)
        with told(self.name, "fitting"):
            self._fit(Fitting(parts, trained, data, valid, rng))
        return self

    def _standardise(self, parts: Parts, trained: Mask) -> None:
        self.standards = {
            name: Standard.of(table, trained) if self.standardises else Standard.none(table.dim)
            for name, table in parts.items()
        }

    @property
    @abstractmethod
    def dim(self) -> int:
        """Width of a fused vector."""

    @abstractmethod
    def _fit(self, given: Fitting) -> None:
        """Learn what the fusion itself needs; `standards` are there by then."""

    @abstractmethod
    def _place(self, units: Units) -> Floats:
        """Return float32[b, dim] for a block of rows; the caller scales the rows to length one."""

    @abstractmethod
    def _shares(self, left: Units, right: Units) -> dict[str, Floats]:
        """Return float32[b] per part, adding up to the inner products of the placed rows."""

    def _counts(self, name: str) -> bool:
        """Tell whether a part counts at all."""
        return name in self.standards

    def fuse(self, parts: Parts) -> FeatureTable:
        """Return one table of the same rows, of unit length.

        Shapes:
            parts: float32[n, d] each -> float32[n, dim].
        Raises:
            DataError: a part was not there when the fusion was fitted, or has another width. PalateError: the fusion itself
                failed, or placed rows of another shape.
        """
        parts = known(self.name, parts, self.standards)
        first = next(iter(parts.values()))
        present = np.zeros(len(first), dtype=bool)
        for name, table in parts.items():
            if self._counts(name):
                present |= table.present
        values = np.zeros((len(first), self.dim), dtype=np.float32)
        for start in range(0, len(first) if present.any() else 0, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, len(first)), dtype=np.int32)
            placed = self._checked(self._units(parts, block), len(block))
            values[block] = placed / _length(placed)[:, None]
        source = fingerprint(
            self.name, self.config, self.state().fingerprint, {name: table.source for name, table in parts.items()}
        )
        return FeatureTable(values, present, source, of=first.of)

    def shares(self, parts: Parts, left: Codes, right: Codes) -> dict[str, Floats]:
        """Divide the cosine of fused rows over the parts; the amounts of a pair add up to its cosine.

        Shapes:
            left, right: int32[n], pairs of rows -> float32[n] for each part given.
        Missing data:
            A part that both lack has the amount 0 there, and so has one that one of the two lacks, but in `mean`, where it is half of
            what it does with the others, and in fusions with a network, where it is what it changes of the one that has it.
        """
        parts = known(self.name, parts, self.standards)
        amounts = {name: np.zeros(len(left), dtype=np.float32) for name in parts}
        for start in range(0, len(left), _BLOCK):
            block = slice(start, start + _BLOCK)
            mine, yours = self._units(parts, left[block]), self._units(parts, right[block])
            size = len(left[block])
            length = _length(self._checked(mine, size)) * _length(self._checked(yours, size))
            with told(self.name, "dividing a likeness"):
                for name, amount in self._shares(mine, yours).items():
                    refuse_shape(self.name, f"shares of '{name}'", amount.shape, (size,))
                    amounts[name][block] = amount / length
        return amounts

    def _checked(self, units: Units, size: int) -> Floats:
        """Return placed rows, which are what they should be."""
        with told(self.name, "placing rows"):
            placed = self._place(units)
            refuse_shape(self.name, "rows", placed.shape, (size if units else 0, self.dim))
        return placed

    def _units(self, parts: Parts, rows: Codes) -> Units:
        return {
            name: self.standards[name].units(table.values[rows], table.present[rows])
            for name, table in parts.items()
            if self._counts(name)
        }

    def state(self) -> State:
        """The means and deviations, and what the fusion itself learned."""
        return packed(self.standards)

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        self.standards = unpacked(state)
        return self


def _length(rows: Floats) -> Floats:
    """Return the lengths of rows, 1 for a row of zeros."""
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows))
    return np.where(length > 0, length, np.float32(1))

"""What every standardiser shares: the checks at the door, which rows it learns from, and the walk over blocks of rows."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from palate.core.config import Config
from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.state import State
from palate.core.types import Floats
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.interfaces import Parts
from palate.linalg.standard import Standard, known, packed, telling, trained_parts, unpacked

_BLOCK = 4096


class NoSettings(Config):
    """Nothing to set."""


class Standardiser(Part[C], ABC):
    """Base of the standardisers: a new one writes `_measured`, `_map`, and `_learn`, `_arrays` and `_take` where it learns more.

    A part is standardised by itself, by what its rows say that occur in the training interactions and that nothing estimated; by
    all rows that nothing estimated where those are fewer than two. What comes out is marked (`FeatureTable.standardised`), so that
    models, aligners and fusions only bring its rows to length one; it names no encoder, since what an encoder makes of a query
    has to be standardised too (see `rows`).

    Missing data:
        Absent values are never read, and stay absent. A part of which fewer than two such rows are there is left as it is.
    """

    config_type: ClassVar[type[Config]] = NoSettings
    extra: ClassVar[str | None] = None
    """The optional extra that fitting it needs; what is fitted standardises without it."""
    paper: ClassVar[str]
    """Who described it, and when."""
    cost: ClassVar[str]
    """What fitting takes: n things, w numbers of all parts, d numbers of a part."""

    standards: dict[str, Standard]
    """What is taken off and divided by, by part name, in sorted order."""
    left: frozenset[str]
    """Names of the parts of which too little is there, and which are left as they are."""

    def fit(self, parts: Parts, data: Dataset) -> Self:
        """Learn from what occurs in training.

        Raises:
            DataError: no part is given, or the parts have different rows, or not those of the data; or rows of a log hold NaN.
        """
        parts, trained = trained_parts(self.name, parts, data)
        rows = {name: telling(table.known, trained) for name, table in parts.items()}
        self.left = frozenset(name for name, codes in rows.items() if len(codes) < 2)
        self.standards = {}
        for name, table in parts.items():
            if name in self.left:
                self.standards[name] = Standard.none(table.dim)
                continue
            values = _sound(name, table.values[rows[name]])
            self.standards[name] = self._measured(values)
            self._learn(name, self._alike(name, values))
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts that it was fitted on, sorted."""
        return tuple(self.standards)

    def standardise(self, parts: Parts) -> dict[str, FeatureTable]:
        """Return the parts standardised, sorted by name; any rows of them, met in training or new.

        Shapes:
            parts: float32[n, d] each -> float32[n, f] each; f is d unless the standardiser says otherwise.
        Raises:
            DataError: a part was not there when it was fitted, or has another width.
        """
        parts = known(self.name, parts, self.standards)
        made_by = fingerprint(self.name, self.config, self.state().fingerprint)
        return {name: self._table(name, table, made_by) for name, table in parts.items()}

    def rows(self, name: str, values: Floats) -> Floats:
        """Return rows of a part standardised: what an encoder made of a query, say.

        Shapes:
            values: float32[b, d] -> float32[b, f].
        Raises:
            DataError: there was no such part when it was fitted, or it had another width; or the rows hold NaN.
        """
        if name not in self.standards:
            raise DataError(f"{self.name} was not fitted on a part '{name}': {did_you_mean(name, self.standards)}")
        width = len(self.standards[name].mean)
        if values.ndim != 2 or values.shape[1] != width:
            raise DataError(
                f"rows of '{name}' were given as {list(values.shape)}, and had {width} numbers when {self.name} was fitted: "
                f"give [n, {width}], encoded with the same encoder"
            )
        found = _sound(name, values)
        return found if name in self.left else self._map(name, self._alike(name, found))

    def _table(self, name: str, table: FeatureTable, made_by: str) -> FeatureTable:
        values = np.zeros((len(table), self._width(name)), np.float32)
        there = np.flatnonzero(table.present)
        for start in range(0, len(there), _BLOCK):
            codes = there[start : start + _BLOCK]
            values[codes] = self.rows(name, table.values[codes])
        source = fingerprint(made_by, name, table.source)
        return replace(table, values=values, source=source, encoder=None, standardised=self.name)

    def _width(self, name: str) -> int:
        """Return how many numbers a row of a part has when it is standardised."""
        return len(self.standards[name].mean)

    def _alike(self, name: str, values: Floats) -> Floats:
        standard = self.standards[name]
        return np.asarray((values - standard.mean) / standard.scale, dtype=np.float32)

    def _measured(self, values: Floats) -> Standard:
        """Return what is taken off and divided by; float32[n, d], n > 1."""
        return Standard.measured(values)

    def _learn(self, name: str, rows: Floats) -> None:
        """Learn more of rows from which that was taken and divided by; float32[n, d], n > 1."""
        del name, rows

    def _map(self, name: str, rows: Floats) -> Floats:
        """Return float32[b, f] for rows from which that was taken and divided by, float32[b, d]."""
        del name
        return rows

    def _arrays(self) -> Mapping[str, Floats]:
        """Return what was learned, beside that."""
        return {}

    def _take(self, arrays: Mapping[str, Floats]) -> None:
        """Take that over."""
        del arrays

    def state(self) -> State:
        """What was learned of each part."""
        whole = packed(self.standards)
        return State({**whole.arrays, **self._arrays()}, {**whole.meta, "left": sorted(self.left)})

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        self.standards = unpacked(state)
        self.left = frozenset(state.meta["left"])
        self._take(state.arrays)
        return self


def _sound(name: str, values: Floats) -> Floats:
    """Return rows of a part, which hold numbers alone."""
    if not np.isfinite(values).all():
        raise DataError(f"the part '{name}' holds NaN or infinite values in rows marked present: encode it again")
    return np.asarray(values)

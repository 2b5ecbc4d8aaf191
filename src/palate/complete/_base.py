"""What every completer shares: the checks at the door, the standardising, the marks, and the error on hidden rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from palate.core.config import Config
from palate.core.errors import DataError, did_you_mean
from palate.core.fingerprint import fingerprint
from palate.core.part import C, Part
from palate.core.state import State
from palate.core.types import Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, Of
from palate.interfaces import Parts
from palate.linalg.directions import main_directions
from palate.linalg.standard import Standard, known, packed, trained_parts, unpacked

Rows = npt.NDArray[np.int64]

_BLOCK = 2048
_HIDDEN = 2000
"""Rows of a part that are hidden at most."""


class CompleterConfig(Config):
    """What every completer can be told."""

    held_out: float = Field(0.1, ge=0, lt=1)
    """Share of the known rows of each part that are hidden once, to measure by how much they are missed; 0 measures nothing."""
    only: tuple[str, ...] | None = Field(None, min_length=1)
    """Names of the parts to complete; the others are read and left as they are. None completes all."""


@dataclass(frozen=True)
class HiddenError:
    """How near the estimates of rows come that were there, and were hidden."""

    rows: int
    """How many were hidden."""
    reached: float
    """Share of them that could be estimated; the others count as the mean row."""
    rmse: float
    """Root of the mean square of what they are off by, each dimension standardised, over that of the mean row: 1 is the mean, 0 is
    all of it."""
    cosine: float
    """Mean cosine between estimate and truth, both standardised, over those that could be estimated."""
    doubt: float = 0.0
    """Standard error of that mean."""


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of some things: the rows of each part, standardised.

    Shapes:
        rows: float32[n, d] by part, zeros where absent; present: bool[n] by part; codes: int64[n], which things they are.
    """

    rows: Mapping[str, Floats]
    present: Mapping[str, Mask]
    codes: Rows

    def take(self, places: npt.NDArray[Any]) -> Known:
        """Return some of them, by place or by mask."""
        rows = {name: values[places] for name, values in self.rows.items()}
        return Known(rows, {name: mask[places] for name, mask in self.present.items()}, self.codes[places])

    def directions(self, name: str, width: int) -> Floats:
        """Return the directions in which a part varies most; float32[d, at most width]."""
        return main_directions(self.rows[name][self.present[name]], width)[0].astype(np.float32)

    def packed(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as it is saved, parts by their number."""
        found: dict[str, npt.NDArray[Any]] = {"codes": self.codes}
        for number, name in enumerate(self.rows):
            found[f"rows.{number}"], found[f"present.{number}"] = self.rows[name], self.present[name]
        return found

    @classmethod
    def unpacked(cls, names: Iterable[str], arrays: Mapping[str, npt.NDArray[Any]]) -> Self:
        """Return what `packed` made, given the names of the parts in their order."""
        numbers = {name: number for number, name in enumerate(names)}
        rows = {name: arrays[f"rows.{number}"] for name, number in numbers.items()}
        return cls(rows, {name: arrays[f"present.{number}"] for name, number in numbers.items()}, arrays["codes"])


class Completer(Part[C], ABC):
    """Base of the completers: `_fit` and `_estimate` are what a new one writes, and `_arrays` and `_take` where it learns.

    Each part is standardised per dimension on the rows that occur in the training interactions, and a completer is fitted on
    these rows alone. What it estimates is brought back to the part's own scale.

    Missing data:
        Absent values are never read. Rows that are there stay as they are, bit for bit. What was estimated is present and
        marked in `completed`; a row of which nothing can be said stays absent. A part that no trained thing has is left alone.
    """

    config_type: ClassVar[type[Config]] = CompleterConfig
    extra: ClassVar[str | None] = None
    """The optional extra that fitting it needs; what is fitted completes without it."""
    paper: ClassVar[str]
    """Who described it, and when."""
    cost: ClassVar[str]
    """What fitting takes: n things, d numbers of a part, m parts, w numbers of all parts, h of a hidden layer."""
    by_code: ClassVar[bool] = False
    """Whether it must know which things the rows are, so that only tables of all things can be completed."""

    standards: dict[str, Standard]
    """By part name, in sorted order."""
    errors: Mapping[str, HiddenError]
    """By part of which known rows were hidden, how far off they come back; the completer was fitted again with them after that."""
    size: int
    """Number of things it was fitted on, trained or not."""
    of: Of
    """What these things are."""

    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator) -> Self:
        """Learn from what occurs in training.

        Raises:
            DataError: no part is given, or the parts have different rows, or not those of the data; or one of `only` is not there.
        """
        parts, trained = trained_parts(self.name, parts, data)
        for name in self._only or ():
            if name not in parts:
                raise DataError(
                    f"{self.name} is to complete '{name}', and there is no such part: {did_you_mean(name, parts)}"
                )
        trained = trained if trained.any() else np.ones(len(trained), bool)
        hidden_rng, own_rng, probe_rng = rng.spawn(3)
        held_out = getattr(self.config, "held_out", 0.0)
        self.errors = self._measured(parts, trained, data, held_out, hidden_rng, probe_rng) if held_out else {}
        self._learn(parts, trained, data, own_rng)
        return self

    def complete(self, parts: Parts) -> dict[str, FeatureTable]:
        """Return the parts with estimates where rows were absent, sorted by name.

        Shapes:
            parts: float32[n, d] each -> the same.
        Raises:
            DataError: a part was not there when the completer was fitted, or has another width; or the rows are not those of
                all things, and the completer must know which they are.
        """
        parts = known(self.name, parts, self.standards)
        n = len(next(iter(parts.values())))
        if self.by_code and n != self.size:
            raise DataError(
                f"{self.name} goes by which things the rows are, and was given {n} rows where it was fitted on {self.size}: "
                "give the tables of all things, in their order"
            )
        made_by = fingerprint(self.name, self.config, self._learned().fingerprint)
        given = {name: table.source for name, table in parts.items()}
        found = {}
        for name, table in parts.items():
            lacking = np.flatnonzero(~table.present)
            if not len(lacking) or name not in self.known_parts or not self._completes(name):
                found[name] = table
                continue
            values = np.where(table.present[:, None], table.values, np.float32(0))
            told = np.zeros(n, bool)
            for codes in _blocks(lacking):
                rows, reached = self._estimate(name, self._known(parts, codes))
                standard = self.standards[name]
                values[codes[reached]] = standard.mean + standard.scale * rows[reached]
                told[codes[reached]] = True
            source = fingerprint(made_by, name, given)
            marks = ~table.known & (table.present | told)
            found[name] = replace(table, values=values, present=table.present | told, source=source, completed=marks)
        return found

    @property
    def _only(self) -> tuple[str, ...] | None:
        return getattr(self.config, "only", None)

    def _completes(self, name: str) -> bool:
        return self._only is None or name in self._only

    @abstractmethod
    def _fit(self, things: Known, data: Dataset, rng: np.random.Generator) -> None:
        """Learn from the things that occur in training; parts are sorted by name."""

    @abstractmethod
    def _estimate(self, name: str, things: Known) -> tuple[Floats, Mask]:
        """Return standardised rows of a part that these things lack, float32[b, d], and which of them can be told, bool[b]."""

    def _arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        """Return what was learned, beside how to standardise."""
        return {}

    def _take(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Take that over."""
        del arrays

    def _learn(self, parts: Parts, trained: Mask, data: Dataset, rng: np.random.Generator) -> None:
        self.size, self.of = len(trained), next(iter(parts.values())).of
        self.standards = {
            name: Standard.of(replace(table, standardised=None), trained) for name, table in parts.items()
        }
        self.known_parts = [name for name, table in parts.items() if (table.present & trained).any()]
        self._fit(self._known(parts, np.flatnonzero(trained)), data, rng)

    def _known(self, parts: Parts, codes: Rows) -> Known:
        """Return what is known of things; a part that is not given is one that all of them lack."""
        rows, present = {}, {}
        for name, standard in self.standards.items():
            values = np.zeros((len(codes), len(standard.mean)), np.float32)
            there = parts[name].present[codes] if name in parts else np.zeros(len(codes), bool)
            if there.any():
                values[there] = (parts[name].values[codes[there]] - standard.mean) / standard.scale
            rows[name], present[name] = values, there
        return Known(rows, present, codes)

    def _measured(
        self,
        parts: Parts,
        trained: Mask,
        data: Dataset,
        share: float,
        hiding: np.random.Generator,
        rng: np.random.Generator,
    ) -> dict[str, HiddenError]:
        """Hide some rows of each part, learn without them, and see how near the estimates come."""
        hidden = {}
        for name, table in parts.items():
            there = hiding.permutation(np.flatnonzero(table.known & trained))
            hidden[name] = np.sort(there[: min(round(share * len(there)), _HIDDEN) if self._completes(name) else 0])
        poorer = {name: table.dropped(_mask(len(table), hidden[name])) for name, table in parts.items()}
        probe = type(self)(self.config)
        probe._learn(poorer, trained, data, rng)
        made = probe.complete(poorer)
        return {
            name: hidden_error(parts[name], made[name], codes, probe.standards[name])
            for name, codes in hidden.items()
            if len(codes)
        }

    def _learned(self) -> State:
        whole = packed(self.standards)
        known_parts: Any = self.known_parts
        return State({**whole.arrays, **self._arrays()}, {**whole.meta, "known": known_parts, "size": self.size})

    def state(self) -> State:
        """The means and deviations, what the completer itself learned, and how near it came on hidden rows."""
        learned = self._learned()
        errors: Any = {name: asdict(error) for name, error in self.errors.items()}
        return State(learned.arrays, {**learned.meta, "errors": errors})

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        self.standards = unpacked(state)
        self.known_parts, self.size = list(state.meta["known"]), int(state.meta["size"])
        self.errors = {name: HiddenError(**error) for name, error in state.meta["errors"].items()}
        self._take(state.arrays)
        return self


def _blocks(codes: Rows) -> Iterator[Rows]:
    return (codes[start : start + _BLOCK] for start in range(0, len(codes), _BLOCK))


def _mask(n: int, codes: Rows) -> Mask:
    mask = np.zeros(n, bool)
    mask[codes] = True
    return mask


def _mean(values: Floats) -> tuple[float, float]:
    """Return the mean and its standard error; zeros where there is nothing."""
    n = len(values)
    return (float(values.mean()), float(values.std() / max(n - 1, 1) ** 0.5)) if n else (0.0, 0.0)


def hidden_error(truth: FeatureTable, made: FeatureTable, codes: Rows, standard: Standard) -> HiddenError:
    """Compare rows that were hidden with their estimates; int64[hidden]."""
    reached = made.present[codes]
    true = (truth.values[codes] - standard.mean) / standard.scale
    guess = np.where(reached[:, None], (made.values[codes] - standard.mean) / standard.scale, np.float32(0))
    spread = float(np.square(true, dtype=np.float64).mean())
    off = float(np.square(true - guess, dtype=np.float64).mean())
    lengths = np.linalg.norm(true, axis=1) * np.linalg.norm(guess, axis=1)
    cosines = np.einsum("nd,nd->n", true, guess) / np.where(lengths > 0, lengths, 1)
    rmse = (off / spread) ** 0.5 if spread > 0 else 0.0
    return HiddenError(len(codes), float(reached.mean()), rmse, *_mean(cosines[reached]))

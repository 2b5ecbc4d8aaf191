"""A modality as numbers: one row a thing, with a mask of which are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError
from palate.core.fingerprint import fingerprint
from palate.core.state import State
from palate.core.types import JSON, Codes, Floats, Mask
from palate.data.lazy import BLOCK, LazyRows, joined, lazily

Of = Literal["items", "users", "interactions"]
OF: tuple[Of, ...] = get_args(Of)


def part_name(column: str, of: Of = "items") -> str:
    """Return what the part of a column is called.

    Example:
        >>> part_name("title"), part_name("avatar", "users"), part_name("text", "interactions")
        ('title', 'users.avatar', 'interactions.text')
    """
    return column if of == "items" else f"{of}.{column}"


@dataclass(frozen=True, eq=False)
class EncoderRef:
    """Which encoder made a part, so that a query can be encoded the same way later; a query is encoded without views.

    `state` is what the encoder learned from the catalogue (the vocabulary of TF-IDF); empty for a pretrained one.
    """

    name: str
    settings: dict[str, JSON] = field(default_factory=dict)
    state: State = field(default_factory=State)
    views: dict[str, JSON] | None = None
    """Of which views of a value its vector is the mean: methods with settings, count and seed; None of the value alone."""

    @property
    def told(self) -> str:
        """The name, with the views where there are some.

        Example:
            >>> EncoderRef("use", views={"methods": [{"name": "crop-text", "settings": {}}], "count": 4, "seed": 0}).told
            'use, 4 views by crop-text'
        """
        if self.views is None:
            return self.name
        methods: Any = self.views["methods"]
        return f"{self.name}, {self.views['count']} views by {', '.join(method['name'] for method in methods)}"


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """Vectors of items, users or interactions.

    Shapes:
        values: float32[n, d]; present: bool[n]. Row = code (of interactions: the row of the log). Absent rows hold
            zeros and must not be read. Values of interactions may be `LazyRows`: read them in blocks.
    Missing data:
        `present` is what can be read; a zero vector means nothing. Of these rows, `completed` are estimates of a completer.
    """

    values: Floats
    present: Mask
    source: str
    """Fingerprint of everything that made the values: content, encoder, settings, weights."""
    of: Of = "items"
    modality: str = "vector"
    """text, image, audio, video, … or `vector` for ready-made features."""
    encoder: EncoderRef | None = None
    completed: Mask | None = None
    """bool[n]: which of the present rows were estimated; None where none were."""
    standardised: str | None = None
    """Name of what standardised the values, after which nothing standardises them again; None where nothing did."""
    taught: Mapping[str, JSON] | None = None
    """Which interactions its encoder learned from, as `palate.data.taught` tells it; None where it learned from none."""

    def __repr__(self) -> str:
        by = f" by {self.encoder.told}" if self.encoder else ""
        rows = f"{int(self.present.sum()):,} of {len(self.present):,} {self.of}"
        made = f", {int(self.completed.sum()):,} of them estimated" if self.completed is not None else ""
        alike = f", standardised by {self.standardised}" if self.standardised else ""
        return f"FeatureTable({rows}{made}, {self.values.shape[1]:,} numbers each, {self.modality}{by}{alike})"

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.present.shape != (len(self.values),):
            raise DataError(
                f"features need values [n, d] and present [n]: given {self.values.shape} and {self.present.shape}"
            )
        if self.values.dtype != np.float32 or self.present.dtype != np.bool_:
            raise DataError(
                f"features need float32 values and bool present: given {self.values.dtype} and {self.present.dtype}"
            )
        if self.completed is not None and (
            self.completed.shape != self.present.shape or (self.completed & ~self.present).any()
        ):
            raise DataError("rows can only be completed where they are present: give a mask of the same rows, or None")
        if not isinstance(self.values, LazyRows) and not _finite(self.values, self.present):
            raise DataError("features hold NaN or infinite values in rows marked present: mark those rows absent")

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self.values.shape[1])

    @property
    def known(self) -> Mask:
        """bool[n]: the present rows that nothing estimated."""
        return self.present if self.completed is None else self.present & ~self.completed

    @property
    def coverage(self) -> float:
        """Share of rows that are present."""
        return float(self.present.mean()) if len(self.present) else 0.0

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the values that can be read, the mask and the source; of interactions, of mask and source alone."""
        mark = () if self.standardised is None else (self.standardised,)
        if self.of == "interactions":
            return fingerprint(self.of, self.dim, self.present, self.source, *mark)
        return fingerprint(self.values[self.present], self.present, self.source, *mark)

    def __len__(self) -> int:
        return len(self.values)

    def take(self, codes: npt.NDArray[np.integer]) -> FeatureTable:
        """Return the rows at `codes`, in that order; -1 gives an absent row. Rows of interactions are not copied."""
        known = codes >= 0
        if self.of == "interactions":
            present = known & self.present[np.maximum(codes, 0)] if len(self) else np.zeros(len(codes), bool)
            values: Any = lazily(self.values).take(codes)
            return self._with(values, present, fingerprint(self.source, codes), _taken(self.completed, codes))
        values = (
            np.where(known[:, None], self.values[np.maximum(codes, 0)], np.float32(0))
            if len(self)
            else np.zeros((len(codes), self.dim), np.float32)
        )
        present = known & self.present[np.maximum(codes, 0)] if len(self) else np.zeros(len(codes), bool)
        source = fingerprint(self.source, codes)
        return self._with(values.astype(np.float32, copy=False), present, source, _taken(self.completed, codes))

    def dropped(self, rows: Mask) -> FeatureTable:
        """Return the same table with these rows made absent."""
        present = self.present & ~rows
        lazy = isinstance(self.values, LazyRows)
        values = self.values if lazy else np.where(present[:, None], self.values, np.float32(0))
        left = None if self.completed is None else self.completed & ~rows
        return self._with(values, present, fingerprint(self.source, "dropped", rows), left)

    def followed_by(self, other: FeatureTable) -> FeatureTable:
        """Return the rows of this table and then those of another by the same encoder.

        Raises:
            DataError: the tables differ in width, in what their rows are, or in how they were standardised.
        """
        if (self.of, self.dim) != (other.of, other.dim):
            raise DataError(
                f"{self.dim} numbers of {self.of} and {other.dim} of {other.of} do not go together: encode both alike"
            )
        if self.standardised != other.standardised:
            given = " and ".join(f"'{name}'" if name else "nothing" for name in (self.standardised, other.standardised))
            raise DataError(
                f"rows standardised by {given} do not go together: standardise both by what one was fitted on"
            )
        present = np.concatenate([self.present, other.present])
        source = fingerprint(self.source, "followed by", other.source)
        masks = [table.present & ~table.known for table in (self, other)]
        return self._with(joined(self.values, other.values), present, source, np.concatenate(masks))

    def updated(self, codes: Codes, rows: FeatureTable) -> FeatureTable:
        """Return the table with the rows of another by the same encoder at `codes`, which may go on behind the end.

        Raises:
            DataError: the tables differ in width.
        """
        if self.dim != rows.dim:
            raise DataError(
                f"rows of {rows.dim} numbers do not go into a part of {self.dim}: encode them by its own encoder"
            )
        present = rows_updated(self.present, codes, rows.present)
        source = fingerprint(self.source, "updated", codes, rows.source)
        completed = rows_updated(self.present & ~self.known, codes, rows.present & ~rows.known)
        return self._with(rows_updated(self.values, codes, rows.values), present, source, completed)

    def _with(self, values: Any, present: Mask, source: str, completed: Mask | None) -> FeatureTable:
        """Return the same part with other rows; a mask that marks none is left out."""
        marks = completed if completed is not None and completed.any() else None
        return replace(self, values=values, present=present, source=source, completed=marks)


class Update:
    """Other rows at the same codes of several tables; a table that several things share is made once, and is shared again.

    Shapes:
        codes: int32[n], which may go on behind the end.
    """

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self._made: dict[tuple[int, int], tuple[FeatureTable, FeatureTable, FeatureTable]] = {}

    def __call__(self, table: FeatureTable, rows: FeatureTable) -> FeatureTable:
        """Return a table with these rows at the codes."""
        key = id(table), id(rows)
        if key not in self._made:
            self._made[key] = table, rows, table.updated(self.codes, rows)
        return self._made[key][2]


def rows_updated(values: npt.NDArray[Any], codes: Codes, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a copy with other rows at `codes`; every code behind the end is given.

    Example:
        >>> rows_updated(np.array([5, 6]), np.array([1, 2], np.int32), np.array([7, 8])).tolist()
        [5, 7, 8]
    """
    made = np.empty((max(len(values), int(codes.max(initial=-1)) + 1), *values.shape[1:]), values.dtype)
    made[: len(values)] = values
    made[codes] = rows
    return made


def _taken(completed: Mask | None, codes: npt.NDArray[np.integer]) -> Mask | None:
    """Return the marks of the rows at `codes`; -1 has none."""
    return None if completed is None or not len(completed) else (codes >= 0) & completed[np.maximum(codes, 0)]


def _finite(values: Floats, present: Mask) -> bool:
    """Tell whether all present rows are sound, a block at a time."""
    for start in range(0, len(values), BLOCK):
        block = slice(start, start + BLOCK)
        with np.errstate(over="ignore", invalid="ignore"):
            quick = np.isfinite(values[block].sum())  # a sum that is finite has no other summand
        if not quick and not np.isfinite(values[block][present[block]]).all():
            return False
    return True


def features_of(values: npt.NDArray[np.floating], source: str = "given", **about: str) -> FeatureTable:
    """Build a table from a plain array; rows that hold NaN are absent.

    Example:
        >>> features_of(np.array([[1.0, 2.0], [np.nan, 0.0]])).present.tolist()
        [True, False]
    """
    present = np.isfinite(values).all(axis=1)
    clean = np.where(present[:, None], values, 0).astype(np.float32)
    return FeatureTable(clean, present, fingerprint(source, clean, present), **about)  # type: ignore[arg-type]

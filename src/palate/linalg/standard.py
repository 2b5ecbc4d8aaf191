"""Parts made comparable: every dimension of mean 0 and deviation 1, every row of length one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from palate.core.errors import DataError, did_you_mean
from palate.core.state import State
from palate.core.types import Doubles, Floats, Mask
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable, Of
from palate.interfaces import Parts
from palate.linalg.neighbours import unit_rows

_BLOCK = 4096


def trained_rows(data: Dataset, of: Of) -> Mask:
    """Return bool[n]: which items (or users) occur in the interactions; every interaction does."""
    if of == "interactions":
        return np.ones(len(data.interactions), dtype=bool)
    size, codes = (
        (len(data.items), data.interactions.item) if of == "items" else (len(data.users), data.interactions.user)
    )
    return np.asarray(np.bincount(codes, minlength=size) > 0)


def telling(present: Mask, trained: Mask) -> npt.NDArray[np.int64]:
    """Return the rows that a part is measured by: those present that occur in training; all present where these are fewer than two."""
    rows = np.flatnonzero(present & trained)
    return rows if len(rows) > 1 else np.flatnonzero(present)


def varies(deviation: Doubles, middle: Doubles | Floats) -> Mask:
    """Tell which dimensions vary by more than rounding does; float64[d], and float64 or float32[d] -> bool[d]."""
    return np.asarray(deviation > 1e-6 * np.maximum(np.abs(middle), 1e-6))


@dataclass(frozen=True, eq=False)
class Standard:
    """The mean and the deviation of each dimension of one part.

    Shapes:
        mean, scale: float32[d].
    """

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, table: FeatureTable, trained: Mask) -> Self:
        """Measure the rows that are `telling`.

        Of a part with fewer than two of them, or that was standardised by name, only the length of rows is changed.
        """
        rows = telling(table.present, trained)
        return cls.none(table.dim) if table.standardised or len(rows) < 2 else cls.measured(table.values, rows)

    @classmethod
    def measured(cls, values: Floats, rows: npt.NDArray[np.int64] | None = None) -> Self:
        """Measure at least two rows, all of them or some; a dimension that never varies gets the deviation 1, so that it becomes 0."""
        rows = np.arange(len(values)) if rows is None else rows
        blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
        total = sum((values[block].sum(axis=0, dtype=np.float64) for block in blocks), np.zeros(values.shape[1]))
        mean = total / len(rows)
        squares = sum((np.square(values[block] - mean).sum(axis=0) for block in blocks), np.zeros(values.shape[1]))
        deviation = np.sqrt(squares / len(rows))
        scale = np.where(varies(deviation, mean), deviation, 1)
        return cls(mean.astype(np.float32), scale.astype(np.float32))

    @classmethod
    def none(cls, dim: int) -> Self:
        """Return what leaves rows as they are, but for their length."""
        return cls(np.zeros(dim, np.float32), np.ones(dim, np.float32))

    def units(self, values: Floats, present: Mask) -> Floats:
        """Return the rows standardised and of length one; absent rows are zeros and are not read.

        Shapes:
            values: float32[b, d]; present: bool[b] -> float32[b, d].
        """
        result = np.zeros_like(values)
        there = values[present]
        result[present] = unit_rows((there - self.mean) / self.scale)
        return result


def packed(standards: Mapping[str, Standard]) -> State:
    """Return the means and deviations of several parts, as they are saved."""
    arrays = {}
    for number, standard in enumerate(standards.values()):
        arrays[f"mean.{number}"], arrays[f"scale.{number}"] = standard.mean, standard.scale
    return State(arrays, {"parts": list(standards)})


def unpacked(state: State) -> dict[str, Standard]:
    """Return what `packed` was given."""
    return {
        name: Standard(state.arrays[f"mean.{number}"], state.arrays[f"scale.{number}"])
        for number, name in enumerate(state.meta["parts"])
    }


def checked(who: str, parts: Parts) -> Parts:
    """Return the parts sorted by name, for one who takes several.

    Raises:
        DataError: there is none, or they have different rows.
    """
    if not parts:
        raise DataError(f"{who} needs at least one part, and none was given: encode a column first")
    sizes = {len(table) for table in parts.values()}
    kinds = {table.of for table in parts.values()}
    if len(sizes) > 1 or len(kinds) > 1:
        raise DataError(f"{who} needs parts of the same rows: given {sorted(sizes)} rows of {', '.join(sorted(kinds))}")
    return {name: parts[name] for name in sorted(parts)}


def known(who: str, parts: Parts, standards: Mapping[str, Standard]) -> Parts:
    """Return the parts sorted by name, for one who was fitted on some.

    Raises:
        DataError: one was not there when it was fitted, or has another width.
    """
    parts = checked(who, parts)
    for name, table in parts.items():
        if name not in standards:
            raise DataError(f"{who} was not fitted on a part '{name}': {did_you_mean(name, standards)}")
        if table.dim != len(standards[name].mean):
            raise DataError(
                f"the part '{name}' has {table.dim} dimensions and had {len(standards[name].mean)} when "
                f"{who} was fitted: encode it with the same encoder"
            )
    return parts


def trained_parts(who: str, parts: Parts, data: Dataset) -> tuple[Parts, Mask]:
    """Return the parts sorted by name, and bool[n]: which of their rows occur in the interactions.

    Raises:
        DataError: there is no part, they have different rows, or not those of the dataset.
    """
    parts = checked(who, parts)
    first = next(iter(parts.values()))
    trained = trained_rows(data, first.of)
    if len(trained) != len(first):
        raise DataError(f"the parts have {len(first)} rows and the dataset {len(trained)}: give parts of this dataset")
    return parts, trained

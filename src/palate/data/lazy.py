"""Rows of a large array, chosen and not yet read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from palate.core.types import Floats

BLOCK = 4096
"""Rows that are read at once."""


class Rows(Protocol):
    """Where rows come from: an array in memory, a file that is mapped, vectors in many files."""

    @property
    def shape(self) -> Any:
        """Rows and width."""

    def __getitem__(self, rows: Any, /) -> Floats: ...


class LazyRows:
    """Behaves as a float32 array of two dimensions; rows are read when they are asked for.

    A million reviews of 512 numbers are 2 GB: cutting them in train, valid and test copies none of it.

    Example:
        >>> chosen = LazyRows(np.eye(3, dtype=np.float32)).take(np.array([2, -1]))
        >>> chosen.shape, chosen[:].tolist()
        ((2, 3), [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    """

    dtype = np.dtype(np.float32)
    ndim = 2

    def __init__(self, base: Rows, index: npt.NDArray[np.int64] | None = None) -> None:
        self.base = base
        self.index = np.arange(base.shape[0]) if index is None else index

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and width."""
        return len(self.index), int(self.base.shape[1])

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, key: Any) -> Floats:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        chosen = np.atleast_1d(self.index[rows])
        known = chosen >= 0
        if known.all() and len(chosen):
            values = np.asarray(self.base[chosen])
        else:
            values = np.zeros((len(chosen), self.shape[1]), np.float32)
            values[known] = self.base[chosen[known]] if known.any() else 0
        return values[0, columns] if np.ndim(self.index[rows]) == 0 else values[:, columns]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return self[:].astype(dtype or np.float32, copy=False)

    def __iter__(self) -> Iterator[Floats]:
        return (row for start in range(0, len(self), BLOCK) for row in self[start : start + BLOCK])

    def take(self, codes: npt.NDArray[np.integer]) -> LazyRows:
        """Return the rows at `codes`, in that order; -1 gives a row of zeros."""
        if not len(self):
            return LazyRows(self.base, np.full(len(codes), -1, np.int64))
        return LazyRows(self.base, np.where(codes >= 0, self.index[np.maximum(codes, 0)], -1))


def lazily(values: Floats) -> LazyRows:
    """Return the array as rows that are not copied when some of them are taken."""
    return values if isinstance(values, LazyRows) else LazyRows(values)


def joined(first: Floats, second: Floats) -> Floats:
    """Return the rows of both, without reading them where they come from one place."""
    one, two = lazily(first), lazily(second)
    if one.base is two.base:
        return cast("Floats", LazyRows(one.base, np.concatenate([one.index, two.index])))
    return np.concatenate([one[:], two[:]])

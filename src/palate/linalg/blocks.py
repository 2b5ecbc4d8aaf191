"""Blocks of rows of a sparse matrix, made apart and put under one another."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats
from palate.linalg.parallel import even_cuts, map_blocks
from palate.linalg.products import index_pointer

Counts: TypeAlias = npt.NDArray[np.int64]
Block: TypeAlias = tuple[Floats, Codes, Counts]
"""Values, columns, and how many there are in each row."""
_NOTHING: Block = (np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int64))


def joined(parts: list[Block], shape: tuple[int, int], threads: int | None = None) -> CSR:
    """Put the blocks of rows under one another, copying on all cores, and take each out of `parts` as it is done.

    Example:
        >>> one = (np.ones(1, np.float32), np.array([1], np.int32), np.array([1]))
        >>> joined([one, one], (2, 2)).toarray().tolist()
        [[0.0, 1.0], [0.0, 1.0]]
    """
    ends = np.cumsum([0, *(len(part[0]) for part in parts)])
    data = np.empty(ends[-1], dtype=np.float32)
    indices = np.empty(ends[-1], dtype=np.int32)
    counts = np.concatenate([np.zeros(0, np.int64), *(part[2] for part in parts)])

    def copy(start: int, stop: int) -> None:
        for number in range(start, stop):
            place = slice(ends[number], ends[number + 1])
            data[place], indices[place], _ = parts[number]
            parts[number] = _NOTHING

    map_blocks(copy, even_cuts(len(parts), 1), threads)
    return sp.csr_array((data, indices, index_pointer(counts)), shape=shape)

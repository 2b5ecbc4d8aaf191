"""How alike items are by who liked them: damped cosine of the columns of a sparse matrix."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats
from palate.linalg.parallel import cuts_by_work, even_cuts, map_blocks
from palate.linalg.products import index_pointer, products

_BLOCK = 1 << 21
"""About how many products one block of rows makes."""
_Block: TypeAlias = tuple[Floats, Codes, npt.NDArray[np.int64]]
"""Values, columns, and how many there are in each row."""
_NOTHING: _Block = (np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.int64))


def damped_cosine(
    liked: CSR,
    *,
    shrink: float,
    user_power: float,
    neighbours: int = 0,
    threads: int | None = None,
    label: str = "item likeness",
) -> CSR:
    """Return the damped-cosine likeness of items.

    X' = X with each user's row scaled by degree^(-user_power);
    likeness(i, j) = <x'_i, x'_j> / (|x'_i| |x'_j| + shrink), and 0 on the diagonal.

    Blocks of rows of the sparse product X'^T X' are made, scaled and cut on all cores; a dense item x item matrix
    never exists. Memory is that of the result and a block for each thread.

    Args:
        liked: ones, users by items.
        shrink: damps the likeness of items that few liked.
        user_power: how much less a user of many likes tells.
        neighbours: keep the most alike of each row only, equal ones by the lower code; 0 keeps all.
        threads: at most this many; None takes every core.
        label: what the progress bar says.

    Shapes:
        liked: sparse[users, items] -> sparse float32[items, items]; row i holds what is most like i.

    Example:
        >>> pair = sp.csr_array(np.array([[1, 1], [1, 1]], np.float32))
        >>> damped_cosine(pair, shrink=2, user_power=0).toarray().tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    scaled = _scaled(liked, user_power)
    columns = sp.csr_array(scaled.T.tocsr())
    length = np.sqrt(np.asarray(columns.multiply(columns).sum(axis=1), dtype=np.float64)).astype(np.float32)

    def work(start: int, stop: int) -> _Block:
        block = columns[start:stop] @ scaled
        counts = np.diff(block.indptr).astype(np.int64)
        damp = np.repeat(length[start:stop], counts)
        damp *= length[block.indices]
        damp += np.float32(shrink)
        data = np.divide(block.data, damp, out=block.data)
        data[np.flatnonzero(block.indices == np.repeat(np.arange(start, stop, dtype=np.int32), counts))] = 0
        if neighbours == 0:
            return data, block.indices, counts
        kept, counts = _most_alike(data, block.indices, block.indptr, neighbours)
        return data[kept], block.indices[kept], counts

    parts = map_blocks(work, cuts_by_work(products(columns, scaled), _BLOCK), threads, label)
    return _joined(parts, int(liked.shape[1]), threads)


def _joined(parts: list[_Block], n: int, threads: int | None) -> CSR:
    """Put the blocks of rows under one another, copying on all cores and freeing each as it is done."""
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
    return sp.csr_array((data, indices, index_pointer(counts)), shape=(n, n))


def _scaled(liked: CSR, user_power: float) -> CSR:
    degree = np.maximum(np.diff(liked.indptr), 1)
    factor = np.repeat(degree.astype(np.float64) ** -user_power, np.diff(liked.indptr))
    return sp.csr_array(((liked.data * factor).astype(np.float32), liked.indices, liked.indptr), shape=liked.shape)


def _most_alike(data: Floats, codes: Codes, indptr: Codes, k: int) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Return where the k largest positive values of each row stand, equal ones by the lower code, and how many."""
    kept = []
    for start, stop in pairwise(indptr.tolist()):
        values = data[start:stop]
        place = np.flatnonzero(values > 0)
        if len(place) > k:
            worst = np.partition(values[place], len(place) - k)[len(place) - k]
            above, tied = np.flatnonzero(values > worst), np.flatnonzero(values == worst)
            by_code = tied[np.argsort(codes[start:stop][tied])]
            place = np.concatenate([above, by_code[: k - len(above)]])
        kept.append(start + np.sort(place))
    counts = np.array([len(place) for place in kept], dtype=np.int64)
    return np.concatenate([np.zeros(0, np.int32), *kept]).astype(np.int32), counts

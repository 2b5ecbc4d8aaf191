"""Damped products of the rows of two sparse matrices: all of them, or the best of each row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from palate.core.compiled import compiled
from palate.core.types import CSR, Codes, Floats
from palate.linalg.blocks import Block, Counts, joined
from palate.linalg.parallel import cuts_by_work, map_blocks
from palate.linalg.products import products

_BLOCK = 1 << 21
"""About how many products one block of rows makes."""
_Array: TypeAlias = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Side:
    """What is known of the rows on one side of the products.

    Shapes:
        length: float32[n]; key: int64[n], pairs of rows with equal keys are left out.
    """

    length: Floats
    key: npt.NDArray[np.int64]


def damped_products(
    left: CSR,
    right: CSR,
    rows: Side,
    columns: Side,
    *,
    shrink: float,
    best: int = 0,
    threads: int | None = None,
    label: str | None = None,
) -> CSR:
    """Return (left · right)_ij / (|row i| |column j| + shrink) where it is above zero.

    Gustavson 1978: the products of one row are added up in a dense row, here with a list of the columns touched, so
    that only those are damped and cut. The cut is by the damped value. Every row is made by one thread in a fixed
    order: the result is the same to the last bit for any number of threads. Memory is that of the result, and a dense
    row and a block of about two million products for each thread.

    Args:
        left: may hold zeros, and rows of nothing.
        right: the other side, transposed.
        rows: of `left`.
        columns: of `right`.
        shrink: added to the denominator.
        best: keep so many of each row, of equal ones those in the lower columns; 0 keeps all.
        threads: at most this many; None takes every core.
        label: what a progress bar says; None shows none.

    Shapes:
        left: sparse float32[n, d]; right: sparse float32[d, m] -> sparse float32[n, m], columns in no given order.

    Example:
        >>> both = Side(np.array([1, 1], np.float32), np.array([0, 1]))
        >>> from scipy.sparse import csr_array
        >>> ones = csr_array(np.ones((2, 2), np.float32))
        >>> damped_products(ones, ones, both, both, shrink=3).toarray().tolist()
        [[0.0, 0.5], [0.5, 0.0]]
    """
    work = products(left, right)
    width = int(right.shape[1])
    room = np.minimum(work, width)
    a, b = (matrix.data.astype(np.float32, copy=False) for matrix in (left, right))

    def make(start: int, stop: int) -> Block:
        data, codes, counts = _rows_of_products(
            start, stop, int(room[start:stop].sum()), left.indptr, left.indices, a, right.indptr, right.indices, b,
            rows.length, rows.key, columns.length, columns.key, np.float32(shrink),
        )  # fmt: skip
        end = _cut(data, codes, counts, best) if best else int(counts.sum())
        return data[:end].copy(), codes[:end].copy(), counts

    parts = map_blocks(make, cuts_by_work(work + 1, _BLOCK), threads, label)
    return joined(parts, (int(left.shape[0]), width), threads)


@compiled
def _rows_of_products(
    start: int, stop: int, room: int,
    a_pointer: _Array, a_codes: _Array, a: Floats, b_pointer: _Array, b_codes: _Array, b: Floats,
    row_length: Floats, row_key: _Array, column_length: Floats, column_key: _Array, shrink: np.float32,
) -> Block:  # fmt: skip
    """Return the damped products of some rows; `room` is at least how many there can be."""
    width = len(column_length)
    total = np.zeros(width, np.float32)
    owner = np.full(width, -1, np.int64)
    touched = np.empty(width, np.int32)
    data = np.empty(room, np.float32)
    codes = np.empty(room, np.int32)
    counts = np.zeros(stop - start, np.int64)
    end = 0
    for row in range(start, stop):
        met = 0
        for place in range(a_pointer[row], a_pointer[row + 1]):
            value, inner = a[place], a_codes[place]
            for other in range(b_pointer[inner], b_pointer[inner + 1]):
                column = b_codes[other]
                if owner[column] == row:
                    total[column] += value * b[other]
                else:
                    owner[column] = row
                    total[column] = value * b[other]
                    touched[met] = column
                    met += 1
        begin = end
        for place in range(met):
            column = touched[place]
            if total[column] > 0 and row_key[row] != column_key[column]:
                codes[end] = column
                data[end] = total[column] / (row_length[row] * column_length[column] + shrink)
                end += 1
        counts[row - start] = end - begin
    return data, codes, counts


@compiled
def _cut(data: Floats, codes: Codes, counts: Counts, best: int) -> int:
    """Move the best values of each row to the front, in place, and return how many are left over all rows.

    Hoare's selection (1961) on the value, then the lower column: no two are equal, so what is chosen is certain.
    """
    taken = end = 0
    for row in range(len(counts)):
        first, count = taken, counts[row]
        kept = min(best, count)
        low, high, last = first, first + count - 1, first + kept - 1
        while kept < count and low < high:
            value, code = data[(low + high) // 2], codes[(low + high) // 2]
            i, j = low, high
            while i <= j:
                while data[i] > value or (data[i] == value and codes[i] < code):
                    i += 1
                while data[j] < value or (data[j] == value and codes[j] > code):
                    j -= 1
                if i <= j:
                    data[i], data[j] = data[j], data[i]
                    codes[i], codes[j] = codes[j], codes[i]
                    i += 1
                    j -= 1
            if j < last:
                low = i
            if last < i:
                high = j
        for place in range(first, first + kept):
            data[end], codes[end] = data[place], codes[place]
            end += 1
        taken += count
        counts[row] = kept
    return end

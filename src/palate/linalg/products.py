"""Sparse rows times a sparse matrix, into dense scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.types import CSR, Floats, Mask
from palate.linalg.parallel import cuts_by_work, map_blocks

_HEAVY = 20_000
"""From this many products a row on, adding rows up one by one beats the sparse product."""
_BLOCK = 1 << 20


def index_pointer(counts: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Return the row pointer of a sparse matrix with so many values in each row, int32 where that is enough.

    Example:
        >>> index_pointer(np.array([2, 0, 1])).tolist()
        [0, 2, 2, 3]
    """
    pointer = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)])
    return pointer if pointer[-1] > np.iinfo(np.int32).max else pointer.astype(np.int32)


def ones_where(matrix: CSR, columns: Mask) -> CSR:
    """Return ones at the stored places of a sparse matrix whose column is marked; shares nothing with it.

    Example:
        >>> from scipy.sparse import csr_array
        >>> ones_where(csr_array([[2, 3], [0, 4]]), np.array([True, False])).toarray().tolist()
        [[1.0, 0.0], [0.0, 0.0]]
    """
    kept = columns[matrix.indices]
    pointer = np.concatenate([[0], np.cumsum(kept)])[matrix.indptr].astype(matrix.indptr.dtype)
    ones = np.ones(int(pointer[-1]), dtype=np.float32)
    return sp.csr_array((ones, matrix.indices[kept], pointer), shape=matrix.shape)


def products(left: CSR, right: CSR) -> npt.NDArray[np.int64]:
    """Return how many products each row of `left @ right` takes.

    Example:
        >>> from scipy.sparse import csr_array
        >>> products(csr_array([[1, 1]]), csr_array([[1, 0], [1, 1]])).tolist()
        [3]
    """
    each = np.concatenate([[0], np.cumsum(np.diff(right.indptr)[left.indices], dtype=np.int64)])
    return np.diff(each[left.indptr])


def dense_product(left: CSR, right: CSR, threads: int | None = None) -> Floats:
    """Return `left @ right` as a dense array, made in blocks of rows on all cores.

    Light blocks go through the sparse product. Where rows are heavy (long histories, dense likeness) most of the
    result is filled, and each row is the sum of the rows of `right` that it names.

    Shapes:
        left: sparse[q, m]; right: sparse float32[m, n] -> float32[q, n].

    Example:
        >>> from scipy.sparse import csr_array
        >>> dense_product(csr_array([[1.0, 1.0]]), csr_array([[1.0, 0.0], [2.0, 3.0]])).tolist()
        [[3.0, 3.0]]
    """
    work = products(left, right)
    rows, columns = int(left.shape[0]), int(right.shape[1])
    result = np.empty((rows, columns), dtype=np.float32)
    weights = left.data.astype(np.float32, copy=False)

    def fill(start: int, stop: int) -> None:
        if stop - start > 1 and work[start:stop].mean() < _HEAVY:
            result[start:stop] = (left[start:stop] @ right).toarray()
            return
        for row in range(start, stop):
            mine = slice(left.indptr[row], left.indptr[row + 1])
            result[row] = right[left.indices[mine]].T @ weights[mine]

    map_blocks(fill, cuts_by_work(work + columns // 4, _BLOCK), threads)
    return result

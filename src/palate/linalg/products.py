"""Sparse rows times a sparse matrix, into dense scores."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sparse_dot_topn import sp_matmul

from palate.core.cores import cores
from palate.core.types import CSR, Floats
from palate.linalg.parallel import cuts_by_work, map_blocks

_HEAVY = 20_000
"""From this many products a row on, adding rows up one by one beats the sparse product."""
_BLOCK = 1 << 22
_FEW = 8


def products(left: CSR, right: CSR) -> npt.NDArray[np.int64]:
    """Return how many products each row of `left @ right` takes.

    Example:
        >>> products(sp.csr_array([[1, 1]]), sp.csr_array([[1, 0], [1, 1]])).tolist()
        [3]
    """
    each = np.concatenate([[0], np.cumsum(np.diff(right.indptr)[left.indices], dtype=np.int64)])
    return np.diff(each[left.indptr])


def dense_product(left: CSR, right: CSR, threads: int | None = None) -> Floats:
    """Return `left @ right` as a dense array.

    Light rows go through one threaded sparse product. Where rows are heavy (long histories, dense likeness) most of
    the result is filled, and each row is the sum of the rows of `right` that it names, on all cores.

    Shapes:
        left: sparse[q, m]; right: sparse float32[m, n] -> float32[q, n].

    Example:
        >>> dense_product(sp.csr_array([[1.0, 1.0]]), sp.csr_array([[1.0, 0.0], [2.0, 3.0]])).tolist()
        [[3.0, 3.0]]
    """
    work = products(left, right)
    rows = int(left.shape[0])
    if rows > _FEW and work.mean() < _HEAVY:
        count = max(1, min(cores(), threads or cores()))
        pair = (sp.csr_matrix(_float32(side)) for side in (left, right))
        return np.asarray(sp_matmul(*pair, n_threads=count).toarray(), dtype=np.float32)
    result = np.empty((rows, int(right.shape[1])), dtype=np.float32)

    def add_up(start: int, stop: int) -> None:
        for row in range(start, stop):
            mine = slice(left.indptr[row], left.indptr[row + 1])
            result[row] = right[left.indices[mine]].T @ left.data[mine].astype(np.float32)

    map_blocks(add_up, cuts_by_work(work + 1, _BLOCK), threads)
    return result


def _float32(matrix: CSR) -> CSR:
    return matrix if matrix.dtype == np.float32 else sp.csr_array(matrix.astype(np.float32))

"""The inverse of a ridge Gram matrix, (X'X + reg I)^-1, in one buffer and on all cores."""

from __future__ import annotations

import numpy as np
import scipy.linalg as sla
import scipy.sparse as sp
from scipy.linalg import blas, lapack
from threadpoolctl import threadpool_limits

from palate.core.progress import progress
from palate.core.types import CSR, Floats
from palate.linalg.parallel import even_cuts, map_blocks

_ROWS = 512


def ridge_megabytes(rows: int, columns: int, dense: int = 0) -> int:
    """Return how many MiB `ridge_inverse` takes for a matrix of that shape, with so many dense rows under it.

    Example:
        >>> ridge_megabytes(100_000, 10_000)
        382
    """
    rows += dense
    extra = (28 if dense else 16) * rows * rows + 8 * rows * columns if _is_wide(rows, columns) else 0
    return int(np.ceil((4 * columns * columns + 4 * dense * columns + extra) / (1 << 20)))


def ridge_inverse(
    matrix: CSR, reg: float, *, dense: Floats | None = None, threads: int | None = None, label: str = "inverting"
) -> Floats:
    """Return (X'X + reg I)^-1, symmetric; X is the matrix, with the dense rows under it where some are given.

    A tall X is squared, factorised (Cholesky) and inverted in place. A wide one (fewer than half as many rows as
    columns) goes by (I - X' (X X' + reg I)^-1 X) / reg (Woodbury), whose factorisation is as small as X has rows.

    Numbers are float32: no eigenvalue is below reg, so that the relative error is about 1e-7 times the largest
    eigenvalue over reg; float64 would take twice the memory and time.

    Shapes:
        matrix: sparse[rows, columns]; dense: float32[more, columns] -> float32[columns, columns].

    Example:
        >>> ridge_inverse(sp.csr_array([[1.0], [1.0]]), 2).tolist()
        [[0.25]]
    """
    matrix = sp.csr_array(matrix.astype(np.float32))
    columns = int(matrix.shape[1])
    dense = np.zeros((0, columns), np.float32) if dense is None else dense
    rows = int(matrix.shape[0]) + len(dense)
    solve = _wide if _is_wide(rows, columns) else _tall
    size = f"{columns:,} x {columns:,}, {ridge_megabytes(rows, columns):,} MB"
    with progress(f"{label} {size}", 3, "steps") as advance, threadpool_limits(threads):
        advance(1)
        inverse = solve(matrix, dense, reg, threads)
        advance(2)
    return inverse


def _is_wide(rows: int, columns: int) -> bool:
    return 2 * rows < columns


def _tall(matrix: CSR, dense: Floats, reg: float, threads: int | None) -> Floats:
    gram = _gram(matrix, threads)
    if len(dense):
        gram = blas.sgemm(1, dense.T, dense.T, 1, gram.T, trans_b=True, overwrite_c=True).T
    np.einsum("nn->n", gram)[:] += np.float32(reg)
    factor, failed = lapack.spotrf(gram.T, lower=1, clean=0, overwrite_a=1)
    if failed == 0:
        inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed != 0:
        raise ArithmeticError(f"the Gram matrix plus {reg} is not positive definite in float32")
    return _mirrored(inverse.T)


def _wide(matrix: CSR, dense: Floats, reg: float, threads: int | None) -> Floats:
    outer = _gram(sp.csr_array(matrix.T.tocsr()), threads).astype(np.float64)
    if len(dense):
        across = np.asarray(matrix @ dense.T)
        outer = np.block([[outer, across], [across.T, (dense @ dense.T).astype(np.float64)]])
    np.einsum("nn->n", outer)[:] += reg
    factor = np.linalg.cholesky(outer)
    rows = np.concatenate([matrix.toarray(), dense])
    root = np.asarray(sla.solve_triangular(factor.astype(np.float32), rows, lower=True), np.float32)
    inverse = root.T @ root
    np.negative(inverse, out=inverse)
    np.einsum("nn->n", inverse)[:] += np.float32(1)
    inverse /= np.float32(reg)
    return inverse


def _gram(matrix: CSR, threads: int | None) -> Floats:
    """Return X'X, dense, made in blocks of rows."""
    columns = sp.csr_array(matrix.T.tocsr())
    size = int(columns.shape[0])
    gram = np.empty((size, size), dtype=np.float32)

    def fill(start: int, stop: int) -> None:
        gram[start:stop] = (columns[start:stop] @ matrix).toarray()

    map_blocks(fill, even_cuts(size, _ROWS), threads)
    return gram


def _mirrored(upper: Floats) -> Floats:
    """Copy the upper triangle into the lower one, in place."""
    size = len(upper)
    for start in range(0, size, _ROWS):
        stop = min(start + _ROWS, size)
        corner = upper[start:stop, start:stop]
        corner[:] = np.triu(corner) + np.triu(corner, 1).T
        upper[stop:, start:stop] = upper[start:stop, stop:].T
    return upper

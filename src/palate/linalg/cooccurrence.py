"""How alike items are by who liked them: damped cosine of the columns of a sparse matrix."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Floats
from palate.linalg.damped import Side, damped_products


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
    degree = np.maximum(np.diff(liked.indptr), 1)
    factor = np.repeat(degree.astype(np.float64) ** -user_power, np.diff(liked.indptr))
    scaled = sp.csr_array(((liked.data * factor).astype(np.float32), liked.indices, liked.indptr), shape=liked.shape)
    columns = sp.csr_array(scaled.T.tocsr())
    items = Side(row_lengths(columns), np.arange(liked.shape[1], dtype=np.int64))
    return damped_products(columns, scaled, items, items, shrink=shrink, best=neighbours, threads=threads, label=label)


def row_lengths(matrix: CSR) -> Floats:
    """Return the Euclidean length of each row.

    Example:
        >>> row_lengths(sp.csr_array(np.array([[3, 4], [0, 0]], np.float32))).tolist()
        [5.0, 0.0]
    """
    return np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float64)).astype(np.float32)

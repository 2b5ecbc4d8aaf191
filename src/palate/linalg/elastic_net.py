"""Each column of a sparse matrix of ones as a sparse sum of the other columns: elastic nets by coordinate descent."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.compiled import compiled
from palate.core.types import CSR
from palate.linalg.blocks import Block, joined
from palate.linalg.damped import Side, damped_products
from palate.linalg.parallel import cuts_by_work, map_blocks
from palate.linalg.products import products

_BLOCK = 1 << 20
"""About how many co-occurrences one block of columns has."""
_Array: TypeAlias = npt.NDArray[Any]


def elastic_nets(
    liked: CSR,
    *,
    l1: float,
    l2: float,
    candidates: int = 0,
    non_negative: bool = True,
    sweeps: int = 200,
    tolerance: float = 1e-4,
    threads: int | None = None,
    label: str | None = None,
) -> CSR:
    """Return for each column j the weights w of the others that make it up.

    w = argmin |x_j - X w|^2 / 2 + l2 |w|^2 / 2 + l1 |w|_1, with w_j = 0, and w >= 0 if `non_negative`; only columns
    that share a row with j may take part. Without negative weights nothing is lost by that, and as little by leaving
    out those that share at most l1 rows: a column's pull on j never grows as others come in, so that theirs stays below l1.

    Coordinate descent as in Friedman, Hastie and Tibshirani 2010 (equation 5 and section 2.6): sweeps over the columns
    that have a weight until they settle, then one over all, and so on until that settles too. What is left of x_j is
    kept by row, so that a step costs as much as the column has ones. Columns are independent, and blocks of them run
    in threads: the result is the same for any number of threads.

    Args:
        liked: ones.
        l1: how much a weight must be worth to be there at all.
        l2: how strongly weights are held small.
        candidates: only so many columns of highest cosine to j may take part, of equal ones the first; 0 lets all.
        non_negative: whether weights may only add.
        sweeps: at most this many for a column.
        tolerance: a sweep that moves no weight by more has settled.
        threads: at most this many; None takes every core.
        label: what a progress bar says; None shows none.

    Shapes:
        liked: sparse[n, m] -> sparse float32[m, m]; row j holds the weights of what makes up j.

    Example:
        >>> twins = sp.csr_array(np.array([[1, 1], [1, 1], [0, 1]], np.float32))
        >>> elastic_nets(twins, l1=1, l2=0).toarray().tolist()  # (2 - 1) / 3 and (2 - 1) / 2
        [[0.0, 0.3333333432674408], [0.5, 0.0]]
    """
    columns = sp.csr_array(liked.T.tocsr())
    size = int(columns.shape[0])
    degree = np.diff(columns.indptr)
    length = np.sqrt(degree).astype(np.float32) if candidates else np.zeros(size, np.float32)
    shrink = 0.0 if candidates else 1.0  # by cosine to choose from, else plain counts
    floor = l1 if non_negative and not candidates else 0.0
    everyone = Side(length, np.arange(size, dtype=np.int64))

    def make(start: int, stop: int) -> Block:
        mine = Side(length[start:stop], np.arange(start, stop, dtype=np.int64))
        near = damped_products(
            sp.csr_array(columns[start:stop]), liked, mine, everyone, shrink=shrink, best=candidates, threads=1
        )
        near.data[near.data <= floor] = 0
        near.eliminate_zeros()
        return _descend(
            start, near.indptr, near.indices, columns.indptr, columns.indices, int(liked.shape[0]),
            float(l1), float(l2), non_negative, sweeps, float(tolerance),
        )  # fmt: skip

    parts = map_blocks(make, cuts_by_work(products(columns, liked) + 1, _BLOCK), threads, label)
    return joined(parts, (size, size), threads)


@compiled
def _descend(
    start: int, near_pointer: _Array, near: _Array, pointer: _Array, people: _Array, n: int,
    l1: float, l2: float, non_negative: bool, sweeps: int, tolerance: float,
) -> Block:  # fmt: skip
    """Return the weights of the columns from `start` on, as many as there are rows of candidates."""
    left = np.zeros(n)
    weights = np.zeros(len(near))
    moved_ever = np.zeros(len(near), np.bool_)
    data = np.empty(len(near), np.float32)
    codes = np.empty(len(near), np.int32)
    counts = np.zeros(len(near_pointer) - 1, np.int64)
    end = 0
    for row in range(len(counts)):
        first, last = near_pointer[row], near_pointer[row + 1]
        left[people[pointer[start + row] : pointer[start + row + 1]]] = 1
        over_all = True
        for _ in range(sweeps):
            moved = 0.0
            for place in range(first, last):
                old = weights[place]
                if old == 0 and not over_all:
                    continue
                mine = people[pointer[near[place]] : pointer[near[place] + 1]]
                pull = len(mine) * old
                for person in mine:
                    pull += left[person]
                new = 0.0
                if pull > l1:
                    new = (pull - l1) / (len(mine) + l2)
                elif pull < -l1 and not non_negative:
                    new = (pull + l1) / (len(mine) + l2)
                if new != old:
                    weights[place] = new
                    moved_ever[place] = True
                    moved = max(moved, abs(new - old))
                    for person in mine:
                        left[person] -= new - old
            if moved <= tolerance and over_all:
                break
            over_all = moved <= tolerance
        left[people[pointer[start + row] : pointer[start + row + 1]]] = 0
        begin = end
        for place in range(first, last):
            if moved_ever[place]:  # also where the weight went back to 0: rounding may have left a trace
                left[people[pointer[near[place]] : pointer[near[place] + 1]]] = 0
            if weights[place] != 0:
                data[end], codes[end] = weights[place], near[place]
                end += 1
        counts[row] = end - begin
    return data[:end].copy(), codes[:end].copy(), counts

"""The nearest rows of each row by cosine, exact, in blocks."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from palate.core.progress import track
from palate.core.types import CSR, Floats, Mask
from palate.interfaces import Ranked
from palate.linalg.parallel import even_cuts
from palate.linalg.products import index_pointer
from palate.linalg.topk import top_k

Rows: TypeAlias = npt.NDArray[np.int64]
Allowed: TypeAlias = Callable[[Rows, Rows], Mask]
"""Of int64[a] rows and int64[b] others, which pairs may be neighbours; bool[a, b]."""


def unit_rows(values: Floats) -> Floats:
    """Return the rows scaled to length one; a row of zeros stays.

    Shapes:
        values: float32[n, d] -> float32[n, d].

    Example:
        >>> unit_rows(np.array([[3, 4], [0, 0]], np.float32)).round(3).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.sqrt(np.einsum("nd,nd->n", values, values, dtype=np.float64))[:, None]
    return np.asarray(values / np.where(length > 0, length, 1), dtype=np.float32)


def nearest(
    vectors: Floats,
    present: Mask,
    k: int,
    *,
    candidates: Mask | None = None,
    allowed: Allowed | None = None,
    memory_mb: int = 64,
    threads: int | None = None,
    label: str = "nearest neighbours",
) -> CSR:
    """Return the k rows of highest cosine to each row, itself left out; equal cosines rank by the lower row.

    Args:
        vectors: need not be of unit length.
        present: which rows are there; the others have no neighbours and are nobody's.
        k: how many neighbours.
        candidates: which rows may be neighbours; None lets all.
        allowed: which pairs may be neighbours; None lets all.
        memory_mb: bound on the block of cosines held at a time.
        threads: at most this many in the choosing of the best; None takes every core.
        label: what the progress bar says.

    Shapes:
        vectors: float32[n, d]; present, candidates: bool[n] -> sparse float32[n, n], at most k values a row, in
        column order, the cosine where it is stored even if it is 0 or negative.
    Missing data:
        Absent rows are never read. A present row of zeros has cosine 0 to all.

    Example:
        >>> graph = nearest(np.array([[1, 0], [1, 1], [9, 9]], np.float32), np.array([True, True, True]), 1)
        >>> graph.indices.tolist()
        [1, 2, 1]
    """
    n = len(vectors)
    rows = np.flatnonzero(present)
    columns = rows if candidates is None else np.flatnonzero(present & candidates)
    units = unit_rows(vectors[rows])
    targets = units if candidates is None else units[np.searchsorted(rows, columns)]
    itself = np.searchsorted(columns, rows)
    can_be = itself < len(columns)
    can_be[can_be] = columns[itself[can_be]] == rows[can_be]
    width = min(k, len(columns))
    cuts = even_cuts(len(rows), (memory_mb << 20) // (4 * max(1, len(columns))))
    blocks = []
    for start, stop in track(list(pairwise(cuts)), label, unit="blocks"):
        cosines = units[start:stop] @ targets.T
        mine = np.flatnonzero(can_be[start:stop])
        cosines[mine, itself[start:stop][mine]] = np.nan
        if allowed is not None:
            cosines[~allowed(rows[start:stop], columns)] = np.nan
        blocks.append(top_k(cosines, width, threads))
    best = Ranked(
        np.concatenate([block.items for block in blocks]) if blocks else np.zeros((0, width), np.int32),
        np.concatenate([block.scores for block in blocks]) if blocks else np.zeros((0, width), np.float32),
    )
    found = best.items >= 0
    counts = np.zeros(n, np.int64)
    counts[rows] = found.sum(axis=1)
    graph = sp.csr_array(
        (best.scores[found], columns[best.items[found]].astype(np.int32), index_pointer(counts)),
        shape=(n, n),
    )
    graph.sort_indices()
    return graph

"""Metrics of how varied a list is, and whether it is as varied as its user: by category and by content."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats, Mask
from palate.metrics._hits import Doubles, ratio
from palate.metrics.beyond import first_places

ALPHA = 0.01
"""How much of the user's own distribution is mixed into the list's before the two are compared (Steck 2018)."""
_CELLS = 1 << 19


def category_diversity(items: Codes, categories: CSR, k: int) -> Doubles:
    """Return the share of pairs in each list that are of different category: its intra-list diversity by category.

    An item may have several: a pair differs by 1 - |both's categories| / |either's categories|, the Jaccard distance
    (Ziegler et al. 2005 with that likeness). With one category each, it is 1 for different ones and 0 for the same.

    Shapes:
        items: int32[q, k or more]; categories: sparse[n, c], what is stored is so -> float64[q].
    Missing data:
        Items without a category are left out; NaN where fewer than two others are listed.

    Example:
        >>> kinds = sp.csr_array([[1, 0], [1, 0], [0, 1]])
        >>> category_diversity(np.array([[0, 1, 2], [0, 1, -1]]), kinds, 3).round(4).tolist()
        [0.6667, 0.0]
    """
    shown = first_places(items, k)
    marks = _marks(categories)

    def compute(start: int, stop: int) -> Doubles:
        block = shown[start:stop]
        flat = np.asarray(marks[np.maximum(block, 0).ravel()].toarray()).reshape(*block.shape, -1)
        flat[block < 0] = 0
        size = flat.sum(axis=2)
        both = flat @ flat.transpose(0, 2, 1)
        either = size[:, :, None] + size[:, None, :] - both
        known = (size[:, :, None] > 0) & (size[:, None, :] > 0)
        known[:, np.arange(k), np.arange(k)] = False
        apart = np.where(known, 1 - both / np.maximum(either, 1), 0.0).sum(axis=(1, 2), dtype=np.float64)
        return ratio(apart, known.sum(axis=(1, 2)))

    return _in_blocks(compute, len(shown), k * (marks.shape[1] + 4 * k))


def content_diversity(items: Codes, vectors: Floats, present: Mask, k: int) -> Doubles:
    """Return 1 - the mean cosine of the pairs in each list: its intra-list diversity by content.

    Ziegler et al. 2005; Smyth and McClave 2001. The pairs are not listed: for unit vectors the cosines of all pairs
    add up to (|sum of v|^2 - m) / 2.

    Shapes:
        items: int32[q, k or more]; vectors: float32[n, d], of length one; present: bool[n] -> float64[q], from 0 to 2.
    Missing data:
        Items without a vector (absent, or all zeros) are left out; NaN where fewer than two others are listed.

    Example:
        >>> vectors = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
        >>> content_diversity(np.array([[0, 1], [0, 2]]), vectors, np.array([True, True, True]), 2).tolist()
        [1.0, 0.0]
    """
    shown = first_places(items, k)
    usable = present & (np.einsum("nd,nd->n", vectors, vectors) > 0.5)
    shown = np.where((shown >= 0) & usable[shown], shown, -1) if len(usable) else shown

    def compute(start: int, stop: int) -> Doubles:
        lists = _lists(shown[start:stop], len(vectors)).astype(np.float32)
        total = np.asarray(lists @ vectors)
        count = np.diff(lists.indptr)
        pairs = count * (count - 1) / 2
        cosines = (np.einsum("qd,qd->q", total, total, dtype=np.float64) - count) / 2
        return ratio(np.clip(pairs - cosines, 0, 2 * pairs), pairs)

    return _in_blocks(compute, len(shown), 2 * vectors.shape[1])


def calibration(items: Codes, history: CSR, categories: CSR, k: int, alpha: float = ALPHA) -> Doubles:
    """Return how far the categories of each list are from those of what its user liked before; 0 is calibrated.

    KL(p || (1 - alpha) q + alpha p) in nats, Steck 2018: p is the mean over the history of each item's categories, an
    item with several giving an equal share to each, and q the same mean over the list.

    Args:
        items: the lists.
        history: what each user liked before.
        categories: which categories each item has.
        k: how many places count.
        alpha: so that a category which the list lacks makes no infinite distance; the largest one is -log(alpha).

    Shapes:
        items: int32[q, k or more]; history: sparse[q, n]; categories: sparse[n, c] -> float64[q].
    Missing data:
        Items without a category are left out; NaN where the list or the history has no other.

    Example:
        >>> kinds, history = sp.csr_array([[1, 0], [0, 1], [1, 0]]), sp.csr_array([[1, 0, 0], [1, 1, 0]])
        >>> calibration(np.array([[2, -1], [1, 2]]), history, kinds, 2).tolist()
        [0.0, 0.0]
    """
    shown = first_places(items, k)
    marks, liked = _marks(categories), _marks(history)
    sizes = np.diff(marks.indptr)
    shares = sp.csr_array((np.repeat(1 / np.maximum(sizes, 1), sizes), marks.indices, marks.indptr), shape=marks.shape)
    counted = (sizes > 0).astype(np.float64)

    def compute(start: int, stop: int) -> Doubles:
        mine, listed = liked[start:stop], _lists(shown[start:stop], len(sizes))
        some = (mine @ counted > 0) & (listed @ counted > 0)
        p, q = (
            np.asarray((rows @ shares).toarray()) / np.maximum(rows @ counted, 1)[:, None] for rows in (mine, listed)
        )
        mixed = (1 - alpha) * q + alpha * p
        ratio = np.divide(p, mixed, out=np.ones_like(p), where=p > 0)
        distance = np.maximum((p * np.log(ratio)).sum(axis=1), 0)
        return np.where(some, distance, np.nan)

    return _in_blocks(compute, len(shown), 6 * marks.shape[1])


def _marks(matrix: CSR) -> CSR:
    """Return ones where something is stored, each place once."""
    rows = sp.csr_array(matrix, copy=True)
    rows.sum_duplicates()
    return sp.csr_array((np.ones(rows.nnz), rows.indices, rows.indptr), shape=rows.shape)


def _lists(block: Codes, n: int) -> CSR:
    """Return lists as ones, sparse[q, n]."""
    listed = block >= 0
    pointer = np.concatenate([[0], np.cumsum(listed.sum(axis=1))])
    return sp.csr_array((np.ones(pointer[-1]), block[listed], pointer), shape=(len(block), n))


def _in_blocks(compute: Callable[[int, int], Doubles], rows: int, cells: int) -> Doubles:
    """Return `compute(start, stop)` of all rows, in blocks whose arrays stay small; a row takes so many cells."""
    step = max(1, _CELLS // max(1, cells))
    parts = [compute(start, min(start + step, rows)) for start in range(0, rows, step)]
    return np.concatenate(parts) if parts else np.empty(0)

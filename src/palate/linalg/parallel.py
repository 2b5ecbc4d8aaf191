"""Blocks of rows on several cores; numpy and scipy let go of the interpreter lock where the work is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from palate.core.cores import cores
from palate.core.progress import progress

T = TypeVar("T")


def map_blocks(
    work: Callable[[int, int], T], cuts: Sequence[int], threads: int | None = None, label: str | None = None
) -> list[T]:
    """Return `work(start, stop)` for each pair of neighbouring `cuts`, in order, on several threads.

    Args:
        work: what to do with one block of rows.
        cuts: where blocks begin and end: 0, …, n.
        threads: at most this many; None takes every core.
        label: what a progress bar says; None shows none.

    Example:
        >>> map_blocks(lambda start, stop: stop - start, [0, 2, 5])
        [2, 3]
    """
    blocks = list(pairwise(cuts))
    count = max(1, min(cores(), threads or cores(), len(blocks)))
    with progress(label, cuts[-1], "rows") as advance:
        return _mapped(work, blocks, count, advance)


def even_cuts(n: int, size: int) -> list[int]:
    """Return the cuts of n rows into blocks of at most `size`.

    Example:
        >>> even_cuts(5, 2)
        [0, 2, 4, 5]
    """
    return [*range(0, n, max(1, size)), n]


def cuts_by_work(work: npt.NDArray[np.number], size: float) -> list[int]:
    """Return the cuts of rows into blocks of about equal work, `size` each.

    Example:
        >>> cuts_by_work(np.array([1, 1, 1, 3]), 3)
        [0, 3, 4]
    """
    done = np.cumsum(work, dtype=np.float64)
    total = float(done[-1]) if len(done) else 0.0
    goals = np.linspace(0, total, 1 + max(1, round(total / size)))[1:-1]
    return sorted({0, *(1 + np.searchsorted(done, goals)).tolist(), len(work)})


def _mapped(
    work: Callable[[int, int], T], blocks: list[tuple[int, int]], count: int, advance: Callable[[int], None]
) -> list[T]:
    results = []
    if count <= 1:
        for start, stop in blocks:
            results.append(work(start, stop))
            advance(stop - start)
        return results
    with ThreadPoolExecutor(count) as pool:
        for (start, stop), result in zip(blocks, pool.map(lambda block: work(*block), blocks), strict=True):
            results.append(result)
            advance(stop - start)
    return results

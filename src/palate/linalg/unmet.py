"""Items drawn from those that a user never met."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.types import CSR, Codes, Mask

_TRIES = 50


def draw_unmet(users: npt.NDArray[np.integer], met: CSR, candidates: Codes, rng: np.random.Generator) -> Codes:
    """Return one item for each of `users`, drawn evenly from the candidates that they never met.

    By rejection: what was met is drawn again, at most 50 times, so that a user who met nearly everything may get none.

    Shapes:
        users: int[n], rows of `met`, as often as items are wanted; met: sparse[users, items], what is stored was met;
        candidates: int32[c] -> int32[n], -1 where nothing was found.

    Example:
        >>> from scipy.sparse import csr_array
        >>> met = csr_array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
        >>> draw_unmet(np.array([0, 0, 1]), met, np.arange(3, dtype=np.int32), np.random.default_rng(0)).tolist()
        [2, 2, -1]
    """
    drawn = np.full(len(users), -1, dtype=np.int32)
    if not len(candidates) or not len(users):
        return drawn
    keys = stored_keys(met)
    width = int(met.shape[1])
    open_ = np.arange(len(users))
    for _ in range(_TRIES):
        proposed = candidates[rng.integers(len(candidates), size=len(open_))]
        free = ~among(keys, users[open_].astype(np.int64) * width + proposed)
        drawn[open_[free]] = proposed[free]
        open_ = open_[~free]
        if not len(open_):
            break
    return drawn


def stored_keys(matrix: CSR) -> npt.NDArray[np.int64]:
    """Return row * width + column of what is stored, in ascending order."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    keys = rows * int(matrix.shape[1]) + matrix.indices
    keys.sort()
    return keys


def among(keys: npt.NDArray[np.int64], asked: npt.NDArray[np.int64]) -> Mask:
    """Tell which of `asked` are in the ascending `keys`.

    Example:
        >>> among(np.array([2, 5]), np.array([5, 6, 2])).tolist()
        [True, False, True]
    """
    place = np.searchsorted(keys, asked)
    return np.asarray(np.append(keys, -1)[place] == asked)

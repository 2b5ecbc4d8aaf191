"""Places in a member's list."""

from __future__ import annotations

import numpy as np

from palate.core.types import Floats, Mask
from palate.linalg.parallel import even_cuts, map_blocks

_CELLS = 1 << 20


def places(scores: Floats, there: Mask) -> Floats:
    """Return each item's place in the list by score, 1 the best; equal scores share the mean of their places.

    Shapes:
        scores: float32[q, n]; there: bool[q, n], the items that are in the list -> float32[q, n], not to be read where
        `there` is false.

    Example:
        >>> places(np.array([[1, 5, 5, np.nan]], np.float32), np.array([[True, True, True, False]])).tolist()
        [[3.0, 1.5, 1.5, 4.0]]
    """
    from scipy.stats import rankdata

    result = np.empty(scores.shape, np.float32)

    def work(start: int, stop: int) -> None:
        keys = np.where(there[start:stop], -scores[start:stop], np.float32(np.inf))
        result[start:stop] = rankdata(keys, axis=1)

    map_blocks(work, even_cuts(len(scores), _CELLS // max(1, scores.shape[1])))
    return result

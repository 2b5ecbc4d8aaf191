"""How alike things are by the parts that both have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import scipy.sparse as sp

from palate.complete._base import Known
from palate.core.types import Floats, Mask
from palate.linalg.neighbours import unit_rows
from palate.linalg.parallel import even_cuts
from palate.linalg.topk import top_k

_BLOCK = 32 << 20
"""Bytes of likeness that are held at a time."""


class References:
    """The things of training, as others are compared with them.

    Shapes:
        units: float32[n, d] by part, of length one, zeros where absent; present: bool[n] by part.
    """

    def __init__(self, rows: Mapping[str, Floats], present: Mapping[str, Mask]) -> None:
        self.units = {name: unit_rows(values) for name, values in rows.items()}
        self.present = present

    def nearest(self, things: Known, by: Iterable[str], among: Mask, k: int) -> tuple[np.ndarray, Floats]:
        """Return the k most alike of some references to each thing, and how alike: the mean cosine over the shared parts `by`.

        Likeness at or below 0 counts as none, and so does one without a shared part.

        Shapes:
            among: bool[n] -> places int64[b, k], weights float32[b, k], at or above 0.
        """
        places = np.flatnonzero(among)
        some = [name for name in by if things.present[name].any() and self.present[name][places].any()]
        theirs = {name: self.units[name][places] for name in some}
        has = np.array([self.present[name][places] for name in some], np.float32).reshape(len(some), len(places))
        mine = np.array([things.present[name] for name in some], np.float32).reshape(len(some), len(things.codes)).T
        width = min(k, len(places))
        near, weights = np.zeros((len(things.codes), width), np.int64), np.zeros((len(things.codes), width), np.float32)
        for start, stop in pairwise(even_cuts(len(things.codes), max(_BLOCK // (4 * max(len(places), 1)), 1))):
            total = np.zeros((stop - start, len(places)), np.float32)
            shared = mine[start:stop] @ has
            for name in some:
                total += unit_rows(things.rows[name][start:stop]) @ theirs[name].T
            np.divide(total, shared, out=total, where=shared > 0)
            total[shared == 0] = np.nan
            best = top_k(total, width)
            near[start:stop] = places[np.maximum(best.items, 0)] if width else 0
            weights[start:stop] = np.where(best.items < 0, 0, np.nan_to_num(np.maximum(best.scores, 0)))
        return near, weights


def averaged(rows: Floats, places: np.ndarray, weights: Floats) -> tuple[Floats, Mask]:
    """Return the weighted mean of some rows for each thing, and which things have any weight.

    Shapes:
        rows: float32[n, d]; places, weights: [b, k] -> float32[b, d], bool[b].
    """
    whole = weights.sum(axis=1)
    shares = weights / np.where(whole > 0, whole, 1)[:, None]
    pointer = np.arange(len(places) + 1) * places.shape[1]
    matrix = sp.csr_array((shares.ravel(), places.ravel(), pointer), shape=(len(places), len(rows)))
    return np.asarray(matrix @ rows, dtype=np.float32), whole > 0

"""From a model to lists: scored in blocks, masked, cut to the best, judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from palate.core.errors import DataError
from palate.core.progress import progress
from palate.core.types import CSR, Codes
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Recommender
from palate.linalg.topk import top_k
from palate.metrics import auc
from palate.metrics._hits import Doubles

_BYTES_PER_CELL = 24
"""Scores, their keys and what choosing the best of them takes."""


@dataclass(frozen=True, eq=False)
class Lists:
    """The lists of the judged users, what they should have found, and what scores alone can tell.

    Shapes:
        users: int32[u]; items: int32[u, k]; relevant: sparse[u, n]; auc: float64[u] or None.
    """

    users: Codes
    items: Codes
    relevant: CSR
    unscored: float
    auc: Doubles | None


def relevant_items(known: Dataset, judged: Dataset) -> CSR:
    """Return what was liked in `judged`, sparse[users, items], without what the user had met before.

    A list never holds what was met before, so an item liked again can be neither found nor missed.
    """
    liked = judged.liked
    relevant = sp.csr_array(liked - liked.multiply(known.seen))
    relevant.eliminate_zeros()
    relevant.sort_indices()
    return relevant


def ranked_lists(
    model: Recommender, known: Dataset, relevant: CSR, k: int, *, with_auc: bool, memory_mb: int, label: str
) -> Lists:
    """Rank all items that a user has not met in `known`, for each user with relevant items.

    Scoring runs in blocks of users whose score matrices fit `memory_mb`.
    """
    users = np.flatnonzero(np.diff(relevant.indptr)).astype(np.int32)
    n = relevant.shape[1]
    rows = max(1, (memory_mb << 20) // (_BYTES_PER_CELL * max(1, n)))
    items = np.full((len(users), k), -1, dtype=np.int32)
    areas = np.full(len(users), np.nan)
    missed = 0
    with progress(label, len(users), "users") as advance:
        for start in range(0, len(users), rows):
            block = slice(start, start + rows)
            codes = users[block]
            scores = _scores(model, known, codes)
            wanted, hidden = sp.csr_array(relevant[codes]), sp.csr_array(known.seen[codes])
            missed += int(np.isnan(scores[wanted.tocoo().coords]).sum())
            scores[hidden.tocoo().coords] = np.nan
            if with_auc:
                areas[block] = auc(scores, wanted, hidden)
            items[block] = top_k(scores, k).items
            advance(len(codes))
    mine = sp.csr_array(relevant[users])
    return Lists(users, items, mine, missed / max(1, mine.nnz), areas if with_auc else None)


def _scores(model: Recommender, known: Dataset, codes: Codes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    scores = model.score(Queries.of_users(known, codes))
    if scores.shape != (len(codes), len(known.items)):
        raise DataError(
            f"{model.name} gave scores of shape {scores.shape} for {len(codes)} users and {len(known.items)} items"
        )
    return scores if scores.flags.writeable else scores.copy()

"""From a model to lists: scored in blocks, masked, cut to the best, judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from palate.core.errors import DataError, RequestError
from palate.core.progress import progress
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Recommender
from palate.linalg.parallel import even_cuts, map_blocks
from palate.linalg.topk import top_k
from palate.metrics import auc
from palate.metrics._hits import Doubles

_BYTES_PER_CELL = 24
"""Scores, their keys and what choosing the best of them takes."""
_AREA = 1 << 20
"""Scores whose areas one thread works out at a time."""


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


def candidate_items(known: Dataset, candidates: str) -> Codes | None:
    """Return the items that may be listed: those which training met (warm) or never met (cold); None means all.

    Raises:
        RequestError: there is no such choice.
        DataError: there are no such items.
    """
    if candidates == "all":
        return None
    if candidates not in ("warm", "cold"):
        raise RequestError(f"the candidates were '{candidates}': allowed are all, warm, cold")
    met = np.bincount(known.interactions.item, minlength=len(known.items)) > 0
    chosen = np.flatnonzero(met == (candidates == "warm")).astype(np.int32)
    if not len(chosen):
        raise DataError("training met every item, so that there are no cold candidates: use the split cold-items")
    return chosen


def cold_share(known: Dataset, relevant: CSR) -> float:
    """Return which share of the relevant items (counted by user) training never met."""
    met = np.bincount(known.interactions.item, minlength=relevant.shape[1]) > 0
    return float((~met[relevant.indices]).mean()) if relevant.nnz else 0.0


def relevant_items(known: Dataset, judged: Dataset, candidates: Codes | None = None) -> CSR:
    """Return what was liked in `judged`, sparse[users, items], without what the user had met before.

    A list never holds what was met before, so an item liked again can be neither found nor missed.

    Args:
        known: what was met before.
        judged: what was liked then.
        candidates: the items that may be listed; what was liked of the others does not count.
    """
    liked = judged.liked
    relevant = sp.csr_array(liked - liked.multiply(known.seen))
    if candidates is not None:
        may = np.zeros(relevant.shape[1], dtype=bool)
        may[candidates] = True
        relevant.data[~may[relevant.indices]] = 0
    relevant.eliminate_zeros()
    relevant.sort_indices()
    return relevant


def ranked_lists(
    model: Recommender, known: Dataset, relevant: CSR, k: int, *, candidates: Codes | None = None, with_auc: bool,
    memory_mb: int, label: str,
) -> Lists:  # fmt: skip
    """Rank all candidates that a user has not met in `known`, for each user with relevant items.

    Scoring runs in blocks of users whose score matrices fit `memory_mb`.
    """
    users = np.flatnonzero(np.diff(relevant.indptr)).astype(np.int32)
    n = relevant.shape[1] if candidates is None else len(candidates)
    rows = max(1, (memory_mb << 20) // (_BYTES_PER_CELL * max(1, n)))
    items = np.full((len(users), k), -1, dtype=np.int32)
    areas = np.full(len(users), np.nan)
    missed = 0
    with progress(label, len(users), "users") as advance:
        for start in range(0, len(users), rows):
            block = slice(start, start + rows)
            codes = users[block]
            scores = _scores(model, known, codes, candidates)
            wanted, hidden = (_columns(sp.csr_array(each[codes]), candidates) for each in (relevant, known.seen))
            missed += int(np.isnan(scores[wanted.tocoo().coords]).sum())
            scores[hidden.tocoo().coords] = np.nan
            if with_auc:
                areas[block] = _areas(scores, wanted, hidden)
            best = top_k(scores, k).items
            items[block] = best if candidates is None else np.where(best < 0, -1, candidates[best])
            advance(len(codes))
    mine = sp.csr_array(relevant[users])
    return Lists(users, items, mine, missed / max(1, mine.nnz), areas if with_auc else None)


def _areas(scores: Floats, wanted: CSR, hidden: CSR) -> Doubles:
    """Return the AUC of each user, several at a time."""

    def work(start: int, stop: int) -> Doubles:
        part = slice(start, stop)
        return auc(scores[part], sp.csr_array(wanted[part]), sp.csr_array(hidden[part]))

    size = max(1, _AREA // max(1, scores.shape[1]))
    return np.concatenate(map_blocks(work, even_cuts(len(scores), size)))


def _columns(rows: CSR, candidates: Codes | None) -> CSR:
    return rows if candidates is None else sp.csr_array(rows[:, candidates])


def _scores(model: Recommender, known: Dataset, codes: Codes, candidates: Codes | None) -> Floats:
    queries = Queries.of_users(known, codes)
    scores = model.score(queries) if candidates is None else model.score(queries, candidates)
    wanted = (len(codes), len(known.items) if candidates is None else len(candidates))
    if scores.shape != wanted:
        raise DataError(f"{model.name} gave scores of shape {scores.shape} for {wanted[0]} users and {wanted[1]} items")
    return scores.copy()  # what was met is struck out of it, and the model may have kept it

"""What validation says of a network: one number, the more the better."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import scipy.sparse as sp

from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.linalg.topk import top_k
from palate.metrics.ranking import ndcg, recall

Scores = Callable[[Codes], Floats]
"""User codes int32[q] -> float32[q, n_items]."""
_BLOCK = 1 << 23
_PLACES = 20


class Judge:
    """Mean recall or NDCG at 20 of the users of whom validation holds likes, without what training showed them.

    Shapes:
        users: int32[n], those users.
    """

    def __init__(self, train: Dataset, valid: Dataset, by: Literal["ndcg@20", "recall@20"]) -> None:
        new = sp.csr_array(valid.liked - valid.liked.multiply(train.seen))
        new.eliminate_zeros()
        self.users = np.flatnonzero(np.diff(new.indptr)).astype(np.int32)
        self.relevant: CSR = sp.csr_array(new[self.users])
        self.seen: CSR = sp.csr_array(train.seen[self.users])
        self.metric = ndcg if by == "ndcg@20" else recall

    def __call__(self, scores: Scores) -> float:
        """Return the mean; NaN where validation holds nothing."""
        if not len(self.users):
            return float("nan")
        rows = max(1, _BLOCK // self.seen.shape[1])
        lists = []
        for start in range(0, len(self.users), rows):
            block = scores(self.users[start : start + rows])
            block[self.seen[start : start + rows].tocoo().coords] = np.nan
            lists.append(top_k(block, _PLACES).items)
        return float(self.metric(np.concatenate(lists), self.relevant, _PLACES).mean())

"""The other likes of the batch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from palate.core.config import Config
from palate.core.types import Codes
from palate.training.pairs import Candidates
from palate.training.samplers._base import Sampler


class InBatchConfig(Config):
    """Nothing to set: the batch's size says how many."""


class InBatch(Sampler[InBatchConfig]):
    """Hold each like against the items of all other likes of the batch; the same item and the same user's do not count.

    They are drawn as often as they are liked, which `sampled-softmax` makes up for (Yi et al. 2019).
    """

    name = "in-batch"
    config_type = InBatchConfig

    def draw(self, users: Codes, items: Codes, rng: np.random.Generator) -> Candidates:
        """Return what to hold a batch of likes against: int32[b], the same for all."""
        barred = np.concatenate([_alike(items), _alike(users)], axis=1)
        return Candidates(items, self.likes.log_share[items], barred[:, np.argsort(barred[0], kind="stable")])


def _alike(codes: Codes) -> npt.NDArray[np.int64]:
    """Return the pairs of places that hold the same code, a place with itself too; int64[2, x].

    Example:
        >>> _alike(np.array([5, 6, 5], np.int32)).tolist()
        [[0, 0, 2, 2, 1], [0, 2, 0, 2, 1]]
    """
    order = np.argsort(codes, kind="stable")
    _, starts, counts = np.unique(codes[order], return_index=True, return_counts=True)
    many = np.repeat(counts, counts)  # for each place in order: how many share its code
    begin = np.repeat(np.repeat(starts, counts), many)
    step = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return np.stack([np.repeat(order, many), order[begin + step]])

"""Each user's last item to test, the one before to validation."""

from __future__ import annotations

import numpy as np

from palate.core.config import Config
from palate.data.dataset import Dataset
from palate.data.split._base import TEST, TRAIN, VALID, Labels, Pairs, Splitter, need_times, rank_in_group


class LeaveLastOutConfig(Config):
    """Leave-last-out has no settings."""


class LeaveLastOut(Splitter[LeaveLastOutConfig]):
    """Each user's last item to test, the one before to validation, the rest to training.

    An item that a user met more than once counts at its last time, and all its rows go together. Equal times rank by
    row. A user with one item is in training only, with two in training and test.
    """

    name = "leave-last-out"
    config_type = LeaveLastOutConfig

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n]; nothing is random."""
        need_times(data, self.name)
        pairs = Pairs.of(data)
        order = np.lexsort((pairs.last_row(), pairs.last_time(data), pairs.user))
        rank, size = rank_in_group(pairs.user[order])
        of_pair = np.full(len(order), TRAIN, dtype=np.int8)
        of_pair[order[(rank == size - 2) & (size > 2)]] = VALID
        of_pair[order[(rank == size - 1) & (size > 1)]] = TEST
        return of_pair[pairs.of_row]

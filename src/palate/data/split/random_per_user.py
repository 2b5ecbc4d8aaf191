"""Each user's items at random into 8 : 1 : 1."""

from __future__ import annotations

import numpy as np

from palate.data.dataset import Dataset
from palate.data.split._base import TEST, TRAIN, VALID, Index, Labels, Pairs, Shares, Splitter, rank_in_group


class RandomPerUserConfig(Shares):
    """Shares of each user's items."""


class RandomPerUser(Splitter[RandomPerUserConfig]):
    """Each user's items at random into 8 : 1 : 1; what most papers of the field use.

    A share that comes to less than one item is rounded up to one, test before validation, while training keeps at
    least one: a user with one item is in training only, with two in training and test.
    """

    name = "random-per-user"
    config_type = RandomPerUserConfig

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n]."""
        pairs = Pairs.of(data)
        order = np.lexsort((rng.random(len(pairs.user)), pairs.user))
        rank, size = rank_in_group(pairs.user[order])
        n_test = np.minimum(_share(size, self.config.test), size - 1)
        n_valid = np.minimum(_share(size, self.config.valid), size - 1 - n_test)
        of_pair = np.full(len(order), TRAIN, dtype=np.int8)
        of_pair[order[rank < n_test + n_valid]] = VALID
        of_pair[order[rank < n_test]] = TEST
        return of_pair[pairs.of_row]


def _share(size: Index, share: float) -> Index:
    exact = size * share
    # the guard keeps 0.1 * 10 from becoming 0 by a rounding error
    return np.where((exact > 0) & (exact < 1), 1, np.floor(exact + 1e-9)).astype(np.int64)

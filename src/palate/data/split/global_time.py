"""The past to training, the present to validation, the future to test."""

from __future__ import annotations

import numpy as np

from palate.core.errors import DataError
from palate.data.dataset import Dataset
from palate.data.split._base import TEST, TRAIN, VALID, Labels, Pairs, Shares, Splitter, need_times


class GlobalTimeConfig(Shares):
    """Shares of the interactions, by time: the last to test, those before to validation."""


class GlobalTime(Splitter[GlobalTimeConfig]):
    """The first 80 % of the time line to training, the next 10 % to validation, the last 10 % to test.

    Equal times stay together. An item that a user met more than once counts at its last time, so training holds
    nothing from after the cut. A user who came after the cut has nothing in training: that is what a live shop
    sees too.
    """

    name = "global-time"
    config_type = GlobalTimeConfig

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n]; nothing is random."""
        times = np.sort(need_times(data, self.name))
        n, config = len(times), self.config
        first_test = times[min(int(n * (1 - config.test)), n - 1)]
        first_valid = times[min(int(n * (1 - config.test - config.valid)), n - 1)]
        if first_valid == times[0]:
            raise DataError(
                f"'{self.name}' finds no past in '{data.name}': {n:,} interactions begin at the time of the cut; "
                "use random-per-user"
            )
        pairs = Pairs.of(data)
        last = pairs.last_time(data)
        of_pair = np.full(len(last), TRAIN, dtype=np.int8)
        of_pair[last >= first_valid] = VALID
        of_pair[last >= first_test] = TEST
        return of_pair[pairs.of_row]

"""The split that came with the data."""

from __future__ import annotations

import numpy as np

from palate.core.config import Config
from palate.core.errors import DataError
from palate.data.dataset import Dataset
from palate.data.interactions import LABELS
from palate.data.split._base import Labels, Splitter


class AsLabelledConfig(Config):
    """As-labelled has no settings."""


class AsLabelled(Splitter[AsLabelledConfig]):
    """What the column `split` says: train, valid or test; taken as it is, `palate data check` tells of leaks."""

    name = "as-labelled"
    config_type = AsLabelledConfig

    def labels(self, data: Dataset, rng: np.random.Generator) -> Labels:
        """Return int8[n]; nothing is random."""
        column = data.interactions.column("split")
        if column is None:
            raise DataError(
                f"'{self.name}' needs the column 'split' and '{data.name}' has none: "
                "'palate data split' writes it, or choose another way to split"
            )
        labels = np.full(len(column), -1, dtype=np.int8)
        for code, label in enumerate(LABELS):
            labels[(column == label).fill_null(False).to_numpy()] = code
        if (labels < 0).any():
            found = column[int(np.argmin(labels))]
            raise DataError(f"the column 'split' says '{found}' in a row: allowed are {', '.join(LABELS)}")
        return labels

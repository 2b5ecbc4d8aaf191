"""A small network between an encoder's vectors and those that are used."""

from __future__ import annotations

from palate.data.features import FeatureTable
from palate.encoders._changes import Bottleneck, Change
from palate.encoders.pipeline.states import Behind
from palate.finetune._base import Tuner
from palate.finetune._config import TunerConfig


class Adapter(Tuner[TunerConfig]):
    """A bottleneck beside the vectors: y = x + size (W_2 relu(W_1 z + b_1) + b_2), z being x standardised (Houlsby et al. 2019).

    It reads nothing but vectors, and so learns for parts of any encoder, and for ready-made ones.
    """

    name = "adapter"
    config_type = TunerConfig

    def _change(self, table: FeatureTable, states: Behind | None) -> Change:
        return Bottleneck(table.dim, self.config.hidden)

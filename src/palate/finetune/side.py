"""A network beside a hub model, which reads what lies behind its layers."""

from __future__ import annotations

from pydantic import PositiveInt

from palate.core.errors import ConfigError
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.encoders import restore
from palate.encoders._changes import Change
from palate.encoders._changes import Side as Beside
from palate.encoders._states import layered
from palate.encoders.pipeline.states import Behind, states_of
from palate.finetune._base import Tuner
from palate.finetune._config import TunerConfig


class SideConfig(TunerConfig):
    """Which layers are read, beside what every way to fine-tune can be told."""

    every: PositiveInt = 2
    """Of so many layers one is read, counted from the last."""


class Side(Tuner[SideConfig]):
    """Gated adapters from layer to layer beside a hub model, learned on its hidden states (after IISAN: Fu et al. 2024).

    The model is run once for each content, and what lies behind its layers is kept; from then on it is neither run nor in memory while
    the side network learns. It reads texts and pictures of `hf-text` and `hf-image` with layers of one width.
    """

    name = "side"
    config_type = SideConfig

    def states(self, data: Dataset, part: str) -> Behind:
        """Return the hidden states of all items; the model is run for those that it was not run for before.

        Raises:
            ConfigError: no encoder made the part, or one without hidden states.
        """
        ref = data.part(part).encoder
        if ref is None:
            raise ConfigError(
                f"the part '{part}' is ready-made, and the method side reads the hidden states of an encoder: choose the method adapter, "
                "or encode a column with hf-text or hf-image"
            )
        encoder = restore(ref)
        layered(encoder)
        return states_of(data, part, encoder)

    def _change(self, table: FeatureTable, states: Behind | None) -> Change:
        assert states is not None
        depth, width = states.shape
        layers = tuple(range(depth - 1, -1, -self.config.every))[::-1]
        return Beside(table.dim, self.config.hidden, width, layers)

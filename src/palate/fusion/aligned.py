"""Parts that are brought into one space first, and fused there."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from pydantic import Field

from palate import align
from palate.core.config import Config
from palate.core.errors import ConfigError
from palate.core.part import Part
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.data.features import FeatureTable
from palate.interfaces import Aligner, Fusion, Parts, Settles


class AlignedConfig(Config):
    """By what parts are aligned, and by what they are fused then."""

    align: str = "cca"
    """Name of the aligner ('palate aligners' lists them)."""
    align_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings."""
    fuse: str = "mean"
    """Name of the fusion of aligned parts."""
    fuse_settings: dict[str, Any] = Field(default_factory=dict)
    """Its settings."""


class Aligned(Part[AlignedConfig]):
    """Align the parts, then fuse them: a mean says most where all parts lie in one space.

    Aligned rows are brought to length one, and no fusion of Palate standardises them again: that would undo what the aligner weighs.

    Missing data:
        As the fusion has it; what is absent stays absent through the alignment.
    Raises:
        UnknownNameError: there is no aligner, or no fusion, of that name. ConfigError: a setting is not theirs.
    """

    name: ClassVar[str] = "aligned"
    config_type = AlignedConfig
    paper: ClassVar[str] = "Rasiwasia et al. 2010"
    cost: ClassVar[str] = "what its aligner and its fusion take"

    aligner: Aligner
    fusion: Fusion

    def __init__(self, config: AlignedConfig | None = None, /, **settings: Any) -> None:
        super().__init__(config, **settings)
        from palate.fusion import registry

        if self.config.fuse == self.name:
            raise ConfigError("aligned parts are fused by a fusion, not aligned again: give 'fuse' another name")
        self.aligner = align.registry.get(self.config.align)(**self.config.align_settings)
        joined: Any = registry.get(self.config.fuse)(**self.config.fuse_settings)
        joined.standardises = False
        self.fusion = joined

    @property
    def dim(self) -> int:
        """Width of a fused vector."""
        return self.fusion.dim

    def fit(self, parts: Parts, data: Dataset, rng: np.random.Generator, valid: Dataset | None = None) -> Self:
        """Learn the common space, then the fusion of what lies in it.

        Raises:
            DataError: no part is given, or the parts have different rows.
        """
        self.aligner.fit(parts, data, rng)
        self.fusion.fit(self.aligner.align(parts), data, rng, valid)
        return self

    def fuse(self, parts: Parts) -> FeatureTable:
        """Return one table of the same rows, of unit length.

        Shapes:
            parts: float32[n, d] each -> float32[n, dim].
        Raises:
            DataError: a part was not there when this was fitted, or has another width.
        """
        return self.fusion.fuse(self.aligner.align(parts))

    def shares(self, parts: Parts, left: Codes, right: Codes) -> dict[str, Floats]:
        """Divide the cosine of fused rows over the parts; the amounts of a pair add up to its cosine."""
        return self.fusion.shares(self.aligner.align(parts), left, right)

    def state(self) -> State:
        """What the aligner and the fusion learned."""
        return State().joined("align", self.aligner.state()).joined("fuse", self.fusion.state())

    def load_state(self, state: State) -> Self:
        """Take over what another instance of the same config learned."""
        self.aligner.load_state(state.nested("align"))
        self.fusion.load_state(state.nested("fuse"))
        return self

    def settled(self) -> Self:
        """Return an unfitted one whose fusion keeps what validation chose, where it did."""
        if not isinstance(self.fusion, Settles):
            return type(self)(self.config)
        chosen = self.fusion.settled().config.model_dump(mode="json")
        return type(self)(self.config.model_copy(update={"fuse_settings": chosen}))

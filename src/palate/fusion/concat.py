"""All parts side by side, each as heavy as the others."""

from __future__ import annotations

import numpy as np

from palate.core.config import Config
from palate.core.types import Mask
from palate.fusion._slots import SlotFusion
from palate.interfaces import Parts


class ConcatConfig(Config):
    """Concat has no settings."""


class Concat(SlotFusion[ConcatConfig]):
    """Put the parts side by side, each standardised and of length one.

    cos(a, b) = sum over parts that both have of <a_p, b_p> / sqrt(parts of a * parts of b).

    Missing data:
        An absent part is a slot of zeros, and does not count in the length.
    """

    name = "concat"
    config_type = ConcatConfig

    def _fit(self, parts: Parts, trained: Mask, rng: np.random.Generator) -> None:
        self.weights = dict.fromkeys(parts, 1.0)

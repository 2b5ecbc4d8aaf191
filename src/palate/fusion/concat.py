"""All parts side by side, each as heavy as the others."""

from __future__ import annotations

from typing import ClassVar

from palate.core.config import Config
from palate.fusion._base import Fitting
from palate.fusion._slots import SlotFusion


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
    paper: ClassVar[str] = "Snoek et al. 2005"
    cost: ClassVar[str] = "n w"

    def _fit(self, given: Fitting) -> None:
        self.weights = dict.fromkeys(given.parts, 1.0)

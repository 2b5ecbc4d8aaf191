"""From what was learned, what was given should follow."""

from __future__ import annotations

from palate.core.config import Config
from palate.core.part import Part
from palate.nn._torch import Tensor


class ReconstructionConfig(Config):
    """Nothing to set."""


class Reconstruction(Part[ReconstructionConfig]):
    """Make the vectors of a part come out of what a network made of them; a term beside a loss of the ranking.

    mean |made - given|^2 over the rows that are present, and over their numbers. Unlike the other losses it asks for no
    likes, so that items nobody met teach too.
    """

    name = "reconstruction"
    config_type = ReconstructionConfig

    def __call__(self, made: Tensor, given: Tensor, present: Tensor) -> Tensor:
        """Return the loss; float32[n, d] twice, bool[n] -> float32[]."""
        lost = (made - given).square().mean(1)
        return (lost * present).sum() / present.sum().clamp(min=1)

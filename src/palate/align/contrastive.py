"""Every part by a network to where it is told apart from other things by each other part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from palate.align._base import Views
from palate.align._learned import ContrastedConfig, LearnedAligner, PartsNetwork, Placed, likeness, mean
from palate.align._towers import Tower
from palate.nn._torch import Tensor


class Contrastive(LearnedAligner[ContrastedConfig]):
    """Teach a network for each part so that a thing's parts find each other among those of all things.

    For every pair of parts, over the things of a batch that have both, -ln softmax over j of cos(p_i, q_j) / temperature at j = i, both ways
    (InfoNCE: van den Oord, Li and Vinyals 2018, equation 4; as CLIP has it, Radford et al. 2021), mean over the pairs. What only
    one part says is left out of the space.

    Missing data:
        A thing teaches by the parts that it has. A part that fewer than two things have together with another is held to itself:
        two copies of a row, a fifth of the numbers dropped in each, should find each other.
    """

    name = "contrastive"
    config_type = ContrastedConfig
    paper: ClassVar[str] = "van den Oord, Li and Vinyals 2018; Radford et al. 2021"
    cost: ClassVar[str] = "epochs n h (w + m k), and epochs n m² b k"

    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        return ContrastiveNetwork(views, towers, rng, self.config)


class ContrastiveNetwork(PartsNetwork):
    """The towers, held to each other in pairs."""

    config: ContrastedConfig

    def lost(self, placed: Placed, noise: Any) -> Mapping[str, Tensor]:
        """Return the mean over pairs of parts, and what parts without a pair lose."""
        vectors, present, heat = placed.vectors, placed.present, self.config.temperature
        pairs = [
            likeness(vectors[one], vectors[other], present[one] & present[other], heat) for one, other in self.pairs
        ]
        return {"pairs": mean(pairs, placed), "own": self.own(placed, noise, heat)}

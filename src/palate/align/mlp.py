"""Every part by a network to where one network of all parts together puts the thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from palate.align._base import Views
from palate.align._learned import LearnedAligner, LearnedConfig, PartsNetwork, Placed, mean
from palate.align._reading import Readers, apart, heaped
from palate.align._towers import Dense, Tower
from palate.nn._torch import Tensor, torch


class MLP(LearnedAligner[LearnedConfig]):
    """Teach a network for each part to foretell the one vector that a network makes of all parts of the thing together.

    A network with one hidden layer reads all parts side by side, zeros and a mark for those absent, and makes a code c of length
    one. From c and from each v_p a network of part q makes x_q again: mean |x_q made - x_q|^2 over all of these, plus
    mean (1 - v_p . c) + 2 |mean of c|^2, the last so that not all falls on one spot. So every part alone stands for all of them (bimodal deep autoencoder: Ngiam et al. 2011, section 3.3). What
    one part alone says stays in the space, unlike in `contrastive`, as far as others can tell it.

    Missing data:
        A thing teaches by the parts that it has. A part alone is an autoencoder.
    """

    name = "mlp"
    config_type = LearnedConfig
    paper: ClassVar[str] = "Ngiam et al. 2011"
    cost: ClassVar[str] = "epochs n m h (w + k)"

    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        return JointNetwork(views, towers, rng, self.config)


class JointNetwork(PartsNetwork):
    """The towers, the network of all parts, and those that make the parts again."""

    def __init__(
        self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator, config: LearnedConfig
    ) -> None:
        super().__init__(views, towers, rng, config)
        width = sum(tower.width for tower in towers.values())
        self.together = Dense(width + len(towers), config.hidden, config.dim).built(self.weights, "together")
        self.readers = Readers(self.weights, towers, config.hidden, config.dim)

    def code(self, placed: Placed) -> Tensor:
        """Return one vector of each thing, of all its parts; float32[b, dim], of length one."""
        marks = torch.stack(list(placed.present.values()), dim=1).to(torch.float32)
        return torch.nn.functional.normalize(self.together(torch.cat([*placed.rows.values(), marks], dim=1)), dim=1)

    def lost(self, placed: Placed, noise: Any) -> Mapping[str, Tensor]:
        """Return how ill the parts come out again, and how far each is from the code of all."""
        code, rows, present = self.code(placed), placed.rows, placed.present
        there = torch.stack(list(present.values())).any(0)
        made = [self.readers.lost(code, there, rows, present)]
        made += [self.readers.lost(vectors, present[name], rows, present) for name, vectors in placed.vectors.items()]
        far = [apart(vectors, code, present[name]) for name, vectors in placed.vectors.items()]
        return {"made again": mean(made, placed), "apart": mean(far, placed), "heaped": heaped(code, there)}

"""Vectors smoothed over the likes, and over a graph of items that is mined from the parts while they are learned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field, PositiveInt

from palate.core.types import CSR, Floats, Mask
from palate.data.dataset import Dataset
from palate.linalg.neighbours import nearest
from palate.models._agreement import NearConfig, agreement
from palate.models._deep_parts import Prepared, likeness, parts_for
from palate.models._hops import HopConfig, HopModel, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.edges import Edges
from palate.nn.graph import Operator


class LATTICEConfig(NearConfig, HopConfig):
    """How the graph of items is mined."""

    neighbours: PositiveInt = 10
    """How many of the nearest items an item takes from in each graph."""
    frozen: float = Field(0.9, ge=0, le=1)
    """How much the graph of a part as it came counts; the one that is learned has the rest."""
    item_layers: PositiveInt = 1
    """Hops over the graph of items."""


class LATTICE(HopModel[LATTICEConfig]):
    """Score items by vectors smoothed over likes, and add to an item the direction of what is near by content.

    For each part m, S_m joins an item to its nearest by cosine, and A_m likewise by the cosines of W_m f_m + b_m, which are
    mined anew in each epoch; A = sum over m of softmax(alpha)_m (lambda S_m + (1 - lambda) A_m), h = A^L e^(0), and items get
    h / |h| beside the mean of hops (Zhang et al. 2021). The loss is BPR.

    Held against the authors' code: gradients reach W_m and alpha in every step, there in the first of an epoch; here the edges
    stay for an epoch, and their weights follow what is learned. The weights of an item's edges add up to one, part by part;
    there they are divided by the roots of both ends' sums, the learned ones after the parts are added. No item is its own
    neighbour, and the given f_m are not learned further.

    Missing data:
        A part that an item lacks has no edges there, and the weights of the others make up for it. An item that nobody liked
        lends nothing, and has what its neighbours lend it; NaN where it has no part either.
    """

    name = "lattice"
    config_type = LATTICEConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: LATTICEConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        weights, self.parts = self.weights, parts
        agreed = self.agreed = agreement(config, parts, train)
        near = {name: likeness({name: part}, self.warm, config.neighbours, agreed) for name, part in parts.items()}
        self.placed = self.warm | np.any([np.diff(graph.indptr) > 0 for graph in near.values()], axis=0)
        self.near = {name: Operator(graph) for name, graph in near.items()}
        self.values = {name: weights.constant(part.values) for name, part in parts.items()}
        self.maps = {
            name: weights.linear(f"map {name}", part.values.shape[1], config.dim) for name, part in parts.items()
        }
        self.alpha = weights.put("alpha", np.log([part.weight for part in parts.values()]).astype(np.float32))
        self.present = weights.constant(np.stack([part.present for part in parts.values()], axis=1))
        self.mined: dict[str, tuple[Tensor, Edges]] = {}
        self.mine()

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Join items anew to those that are near by now."""
        self.mine()

    def mine(self) -> None:
        """Join items to the nearest as the parts are projected now; what has not moved stays."""
        with torch.no_grad():
            for name, part in self.parts.items():
                seen = self.projected(name)
                if name not in self.mined or not torch.equal(seen, self.mined[name][0]):
                    rows = seen.cpu().numpy()
                    self.mined[name] = seen, Edges(self._nearest(rows, part.present), self.weights.device)

    def _nearest(self, rows: Floats, present: Mask) -> CSR:
        return nearest(
            rows, present, self.config.neighbours, candidates=self.warm, allowed=self.agreed, label="item graph"
        )

    def projected(self, name: str) -> Tensor:
        """Return the directions of a part as it is learned; float32[n_items, dim]."""
        return torch.nn.functional.normalize(self.maps[name](self.values[name]), dim=1)

    def finished(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Add to each item the direction of what its neighbours start with."""
        learned = {}
        for name, (_, edges) in self.mined.items():
            rows = self.projected(name)
            learned[name] = edges.shares(edges.products(rows, rows).relu())
        weights = torch.softmax(self.alpha, dim=0) * self.present
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-12)
        taken, kept = self.first_items(), self.config.frozen
        for _ in range(self.config.item_layers):
            taken = sum(
                weight[:, None] * (kept * near(taken) + (1 - kept) * self.mined[name][1](learned[name], taken))
                for weight, (name, near) in zip(weights.T, self.near.items(), strict=True)
            )
        return users, items + torch.nn.functional.normalize(taken, dim=1)

    def final(self) -> tuple[Tensor, Tensor]:
        """Return the vectors on the whole graph of likes, and on the graph of items as it would be mined now."""
        self.mine()
        return super().final()

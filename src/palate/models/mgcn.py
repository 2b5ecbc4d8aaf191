"""Views of the parts that behaviour has purified, put together by what each person prefers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from palate.data.dataset import Dataset
from palate.models._deep import VectorModel
from palate.models._deep_parts import PartsConfig, Prepared, likeness, parts_for
from palate.models._hops import HopConfig, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator, bipartite
from palate.training.losses.info_nce import InfoNCE
from palate.training.pairs import Batch, multiplied


class MGCNConfig(PartsConfig, HopConfig):
    """How views are made, and how far they must agree with behaviour."""

    neighbours: PositiveInt = 10
    """How many of the nearest items by a part an item takes from."""
    contrast: NonNegativeFloat = 0.01
    """How much the agreement of views and behaviour counts in the loss."""
    contrast_temperature: PositiveFloat = 0.2
    """How sharply they must agree."""


class MGCN(VectorModel[MGCNConfig]):
    """Score items by behaviour and by views of the parts, each purified by behaviour and weighed by preference.

    For each part m: e_m = S_m (E_id * sigma(W (W' f_m + b') + b)), users by the likes; the common view is their mean under
    attention, what is special in each is let through by a gate of behaviour; their sum, over its number of terms as in the
    authors' code, is added to the mean of hops (Yu et al. 2023, equations 1 to 17). The loss is BPR and InfoNCE between the
    views and behaviour (16 and 19). The weights of an item's edges in S_m add up to one, where the authors' code divides by
    the roots of both ends' sums and lets an item be its own neighbour; there the given f_m are learned further.

    Missing data:
        A part that an item lacks is its neighbours' by nobody: its view is 0 there. NaN for items that nobody liked.
    """

    name = "mgcn"
    config_type = MGCNConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: MGCNConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        weights, dim = self.weights, config.dim
        self.agreement = InfoNCE(temperature=config.contrast_temperature)
        self.likes = Operator(bipartite(train.liked, config.item_power)[: self.users, self.users :])
        self.values = {name: weights.constant(part.values) for name, part in parts.items()}
        self.near = {
            name: Operator(likeness({name: part}, {name: 1.0}, self.warm, config.neighbours, None))
            for name, part in parts.items()
        }
        self.maps = {name: weights.linear(f"map {name}", part.values.shape[1], dim) for name, part in parts.items()}
        self.purify = {name: weights.linear(f"purify {name}", dim, dim) for name in parts}
        self.prefer = {name: weights.linear(f"prefer {name}", dim, dim) for name in parts}
        self.ask, self.answer = weights.linear("ask", dim, dim), weights.linear("answer", dim, 1, bias=False)

    def both(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return what behaviour says, and what the views add; float32[n_users + n_items, dim] each."""
        behaviour = graph.averaged(self.first(), self.config.layers)
        views = []
        for name, layer in self.maps.items():
            gate = torch.sigmoid(self.purify[name](layer(self.values[name])))
            items = self.near[name](self.first_items() * gate)
            views.append(torch.cat([self.likes(items), items]))
        stacked = torch.stack(views)
        attention = torch.softmax(self.answer(torch.tanh(self.ask(stacked))), dim=0)
        common = (attention * stacked).sum(0)
        special = [
            torch.sigmoid(self.prefer[name](behaviour)) * (view - common)
            for name, view in zip(self.maps, views, strict=True)
        ]
        return behaviour, (common + sum(special)) / (len(views) + 1)

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items."""
        behaviour, views = self.both(graph)
        whole = behaviour + views
        return whole[: self.users], whole[self.users :]

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, of the agreement, and of the length of the vectors that the batch reads."""
        behaviour, views = self.both(self.graph)
        whole = behaviour + views
        pairs = multiplied(whole[: self.users], whole[self.users :], batch, cosine=self.config.cosine)
        losses = {self.config.loss: self.loss(pairs)}
        if self.config.contrast:
            lost = 0.0
            for codes in (batch.users, self.users + batch.items):
                rows = self.weights.constant(codes)
                lost = lost + self.agreement.between(views.index_select(0, rows), behaviour.index_select(0, rows))
            losses["contrast"] = self.config.contrast * lost
        if self.config.reg:
            read = np.concatenate([batch.users, self.users + batch.items, self.users + batch.others.items.reshape(-1)])
            rows = whole.index_select(0, self.weights.constant(read))
            losses["reg"] = self.config.reg * rows.square().sum() / (2 * len(batch))
        return losses

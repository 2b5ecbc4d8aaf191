"""Views of the parts that behaviour has purified, put together by what each person prefers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from palate.core.types import CSR, Mask
from palate.data.dataset import Dataset
from palate.models._agreement import NearConfig, agreement
from palate.models._deep import VectorModel
from palate.models._deep_parts import Prepared, likeness, parts_for
from palate.models._hops import HopConfig, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator, bipartite
from palate.training.losses.info_nce import InfoNCE
from palate.training.pairs import Batch, multiplied


class MGCNConfig(NearConfig, HopConfig):
    """How views are made, and how far they must agree with behaviour."""

    neighbours: PositiveInt = 10
    """How many of the nearest items by a part an item takes from."""
    contrast: NonNegativeFloat = 0.001
    """How much the agreement of views and behaviour counts in the loss."""
    contrast_temperature: PositiveFloat = 0.2
    """How sharply they must agree."""


class MGCN(VectorModel[MGCNConfig]):
    """Score items by behaviour and by views of the parts, each purified by behaviour and weighed by preference.

    For each part m: e_m = S_m (E_id * sigma(W (W' f_m + b') + b)), users by the likes; the common view is their mean under
    attention, what is special in each is let through by a gate of behaviour; their sum, over its number of terms as in the
    authors' code, is added to the mean of hops (Yu et al. 2023, equations 1 to 17). The loss is BPR and InfoNCE between the
    views and behaviour (16 and 19). The weights of an item's edges in S_m, that to itself among them, add up to one, where
    the authors' code divides by the roots of both ends' sums; there the given f_m are learned further.

    Missing data:
        A part that an item lacks is its neighbours' by nobody: its view is 0 there. An item that nobody liked lends nothing,
        and has the views that its neighbours lend it; NaN where it has none.
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
        self.values = {name: weights.constant(part.numbers) for name, part in parts.items()}
        agreed = agreement(config, parts, train)
        near = {name: likeness({name: part}, self.warm, config.neighbours, agreed) for name, part in parts.items()}
        self.placed = self.warm | np.any([np.diff(graph.indptr) > 0 for graph in near.values()], axis=0)
        self.near = {
            name: Operator(_with_itself(graph, parts[name].present & self.warm)) for name, graph in near.items()
        }
        self.maps = {name: weights.linear(f"map {name}", part.values.shape[1], dim) for name, part in parts.items()}
        self.purify = {name: weights.linear(f"purify {name}", dim, dim) for name in parts}
        self.prefer = {name: weights.linear(f"prefer {name}", dim, dim) for name in parts}
        self.ask, self.answer = weights.linear("ask", dim, dim), weights.linear("answer", dim, 1, bias=False)

    def views(self, rows: Tensor, behaviour: Tensor) -> Tensor:
        """Return what the views add to these users and items; float32[r, dim] for codes int64[r] of both, users first."""
        views = torch.stack([self._view(name).index_select(0, rows) for name in self.maps])
        attention = torch.softmax(self.answer(torch.tanh(self.ask(views))), dim=0)
        common = (attention * views).sum(0)
        gates = torch.stack([torch.sigmoid(self.prefer[name](behaviour)) for name in self.maps])
        return (common + (gates * (views - common)).sum(0)) / (len(views) + 1)

    def _view(self, name: str) -> Tensor:
        """Return what a part, let through where behaviour agrees, says of all; float32[n_users + n_items, dim]."""
        layer, purify = self.maps[name], self.purify[name]
        turn, shift = purify.weight @ layer.weight, purify.weight @ layer.bias + purify.bias
        gate = torch.sigmoid(torch.nn.functional.linear(self.values[name], turn, shift))
        items = self.near[name](self.first_items() * gate)
        return torch.cat([self.likes(items), items])

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items."""
        behaviour = graph.averaged(self.first(), self.config.layers)
        whole = behaviour + self.views(torch.arange(len(behaviour), device=behaviour.device), behaviour)
        return self._sides(whole)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, of the agreement, and of the length of the vectors that the batch reads.

        Views are put together for the users and items of the batch alone.
        """
        read = np.concatenate([batch.users, self.users + batch.both])
        codes, place = np.unique(read, return_inverse=True)
        rows, place = self.weights.constant(codes.astype(np.int64)), self.weights.constant(place)
        behaviour = self.graph.averaged(self.first(), self.config.layers)
        known = behaviour.index_select(0, rows)
        views = self.views(rows, known)
        whole = behaviour.index_add(0, rows, views)
        losses = {self.config.loss: self.loss(multiplied(*self._sides(whole), batch, cosine=self.config.cosine))}
        if self.config.contrast:
            sides = place[: len(batch)], place[len(batch) : 2 * len(batch)]
            lost = [self.agreement.between(views.index_select(0, at), known.index_select(0, at)) for at in sides]
            losses["contrast"] = self.config.contrast * sum(lost)
        if self.config.reg:
            vectors = (views + known).index_select(0, place)
            losses["reg"] = self.config.reg * vectors.square().sum() / (2 * len(batch))
        return losses

    def _sides(self, whole: Tensor) -> tuple[Tensor, Tensor]:
        return whole[: self.users], whole[self.users :]


def _with_itself(near: CSR, own: Mask) -> CSR:
    """Let these items take from themselves as much as from each of their nearest, on average."""
    counts = np.diff(near.indptr)
    share = (own / (counts + 1)).astype(np.float32)
    return sp.csr_array(sp.diags_array(1 - share) @ near + sp.diags_array(share))

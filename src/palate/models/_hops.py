"""What models on the graph of likes share: vectors of users and items, smoothed hop by hop, and how they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt

from palate.core.types import CSR, Floats
from palate.data.dataset import Dataset
from palate.models._deep import DeepConfig, VectorModel, VectorNetwork, said_by
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator, bipartite, item_weights
from palate.nn.network import Weights
from palate.training.pairs import Batch, Pairs, multiplied
from palate.training.ranking import ranking_loss


class HopConfig(DeepConfig):
    """How deep, beside how every network learns."""

    layers: NonNegativeInt = 2
    """Hops over the graph of likes; the vectors of all hops are averaged."""
    cosine: bool = False
    """Whether scores are cosines, as sampled-softmax wants them, rather than products."""
    item_power: NonNegativeFloat = 0.5
    """What passes along a like is divided by (likes of the item)^item_power: the more, the less popular items tell."""


H = TypeVar("H", bound=HopConfig)


class HopNetwork(VectorNetwork):
    """Vectors that are averaged with those of their neighbours: e^(l+1) = A e^(l), e = mean over l (He et al. 2020).

    A model adds to what an item starts with (`first_items`), to what comes out (`finished`), and to the losses (`terms`).
    """

    def __init__(
        self,
        config: Any,
        train: Dataset,
        rng: np.random.Generator,
        *,
        dim: int | None = None,
        things: Floats | None = None,
    ) -> None:
        """Make the graph and the tables: people's vectors dim wide, None for as wide as the config says; what items learn
        from on is `things`, None for vectors drawn by chance."""
        self.config, self.users, self.liked = config, len(train.users), train.liked
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0
        self.placed = self.warm
        self.graph = self.whole = self.operator(train.liked)
        self.weights = Weights(rng)
        self.people = self.weights.table("people", self.users, dim or config.dim)
        if things is None:
            self.things = self.weights.table("things", len(train.items), config.dim)
        else:
            self.things = self.weights.put("things", things)
        self.has_likes = self.weights.constant(self.warm[:, None].astype(np.float32))
        self.loss = ranking_loss(config)

    def operator(self, liked: CSR) -> Operator:
        """Return the graph of these likes, ready to hop over."""
        return Operator(bipartite(liked, self.config.item_power), symmetric=True)

    def first_items(self) -> Tensor:
        """Return what items start with; float32[n_items, dim]. One that nobody likes has no vector of its own."""
        return self.things * self.has_likes

    def finished(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors that scores are made of."""
        return users, items

    def terms(self, batch: Batch, pairs: Pairs, noise: Any) -> Mapping[str, Tensor]:
        """Return further losses, by name."""
        return {}

    def first(self) -> Tensor:
        """Return what users and items start with; float32[n_users + n_items, dim]."""
        return torch.cat([self.people, self.first_items()])

    def hops(self, graph: Operator) -> list[Tensor]:
        """Return the vectors after 0, 1, ... hops; float32[n_users + n_items, dim] each."""
        hops = [self.first()]
        for _ in range(self.config.layers):
            hops.append(graph(hops[-1]))
        return hops

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items."""
        mean = graph.averaged(self.first(), self.config.layers)
        return self.finished(*mean.split([self.users, len(self.warm)]))

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, of what a model adds, and of the length of the vectors that the batch reads."""
        return self.losses_of(*self.vectors(self.graph), batch, noise)

    def losses_of(self, users: Tensor, items: Tensor, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return these losses by given vectors of users and of items."""
        pairs = multiplied(users, items, batch, cosine=self.config.cosine)
        losses = {self.config.loss: self.loss(pairs), **self.terms(batch, pairs, noise)}
        if self.config.reg:
            read = (self.people, batch.users), (self.things, batch.both)
            rows = (table.index_select(0, self.weights.constant(codes)) for table, codes in read)
            losses["reg"] = self.config.reg * sum(row.square().sum() for row in rows) / (2 * len(batch))
        return losses

    def final(self) -> tuple[Tensor, Tensor]:
        """Return the vectors on the whole graph; items of length one where scores are cosines."""
        users, items = self.vectors(self.whole)
        return users, torch.nn.functional.normalize(items, dim=1) if self.config.cosine else items


class HopModel(VectorModel[H]):
    """Base of these models: a person's vector is a share of their own and one of each item that they like."""

    def _take(self, network: Any, train: Dataset) -> None:
        with torch.no_grad():
            hops = [hop.cpu().numpy() for hop in network.hops(network.whole)]
            _, items = network.final()
        count, share = len(train.users), np.float32(1 / len(hops))
        before = sum((hop[count:] for hop in hops[:-1]), np.zeros_like(hops[0][count:]))
        self.message = before * share * item_weights(train.liked, self.config.item_power)[:, None]
        self.own = hops[0][:count] * share
        if train.supposed is not None:
            self.own += said_by(train.liked, self.message) - said_by(train.history, self.message)
        self.vectors = items.cpu().numpy()
        self.known = np.diff(train.liked.indptr) > 0
        self.placed = network.placed

"""Vectors smoothed over the likes, and over a frozen graph of items that are alike by content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from palate.data.dataset import Dataset
from palate.models._agreement import NearConfig, agreement
from palate.models._deep_parts import Prepared, likeness, parts_for
from palate.models._hops import HopConfig, HopModel, HopNetwork
from palate.nn._torch import Tensor
from palate.nn.graph import Operator, thinned
from palate.training.pairs import Batch, Pairs, multiplied


class FREEDOMConfig(NearConfig, HopConfig):
    """How likeness and likes are put together."""

    neighbours: PositiveInt = 10
    """How many of the nearest items by content an item takes from."""
    dropped: float = Field(0.8, ge=0, lt=1)
    """Share of the likes that an epoch leaves out of the graph, those between popular ends first."""
    content: NonNegativeFloat = 1e-3
    """How much the ranking by the projected parts themselves counts in the loss."""


class FREEDOM(HopModel[FREEDOMConfig]):
    """Score items by vectors smoothed over likes, and add to an item what its nearest by content have for their own.

    S is a frozen graph of the nearest items by content. A part of the likes is kept in each epoch, drawn by
    1 / sqrt(d_u d_i); items get S e^(0) beside the mean of hops; the loss is BPR, and BPR of the user with each projected
    part (Zhou and Shen 2023).

    Here S is of the cosines of all parts, added by weight, and an item's edges weigh as these and add up to one. In the
    authors' code it is a graph of ones for each part, divided by the roots of both ends' sums, and these are added by weight;
    an item may be its own neighbour, and the given parts are learned further.

    Missing data:
        An item that lacks a part is compared by the others. One that nobody liked has what its neighbours lend it; NaN
        where it has no part either.
    """

    name = "freedom"
    config_type = FREEDOMConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: FREEDOMConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        near = likeness(parts, self.warm, config.neighbours, agreement(config, parts, train))
        self.near = Operator(near)
        self.placed = self.warm | (np.diff(near.indptr) > 0)
        self.values = {name: self.weights.constant(part.values) for name, part in parts.items()}
        self.maps = {
            name: self.weights.linear(f"map {name}", part.values.shape[1], config.dim) for name, part in parts.items()
        }

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Leave out likes, the popular first."""
        if self.config.dropped:
            self.graph = self.operator(thinned(self.liked, 1 - self.config.dropped, rng))

    def finished(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Add to each item what its nearest by content start with."""
        return users, items + self.near(self.first_items())

    def terms(self, batch: Batch, pairs: Pairs, noise: Any) -> Mapping[str, Tensor]:
        """Rank by the projected parts too."""
        if not self.config.content:
            return {}
        rows = replace(batch, users=np.arange(len(batch), dtype=np.int32))
        lost = [self.loss(multiplied(pairs.users, layer(self.values[name]), rows)) for name, layer in self.maps.items()]
        return {"content": self.config.content * sum(lost)}

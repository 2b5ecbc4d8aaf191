"""Behaviour and parts smoothed over the likes, and what learned groups of items have in common."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from palate.data.dataset import Dataset
from palate.models._deep import VectorModel
from palate.models._deep_parts import PartsConfig, Prepared, parts_for
from palate.models._hops import HopConfig, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator, bipartite
from palate.nn.noise import dropped, gumbel
from palate.training.losses.info_nce import InfoNCE
from palate.training.pairs import Batch


class LGMRecConfig(PartsConfig, HopConfig):
    """How parts are smoothed and grouped, and how much the groups count."""

    content_layers: NonNegativeInt = 2
    """Hops of the parts over the graph of likes; the last one counts."""
    hyperedges: PositiveInt = 4
    """How many groups of items each part makes."""
    hyper_layers: PositiveInt = 1
    """How often vectors go to the groups and back."""
    hyper_temperature: PositiveFloat = 0.2
    """The smaller, the more an item or a person belongs to one group alone."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of these belongings that a step leaves out."""
    alpha: NonNegativeFloat = 0.3
    """How much what comes from the groups counts in a vector."""
    contrast: NonNegativeFloat = 0.2
    """How much it counts in the loss that the groups of two parts say the same of a person, and of an item."""
    contrast_temperature: PositiveFloat = 0.2
    """How sharply."""


class LGMRec(VectorModel[LGMRecConfig]):
    """Score items by behaviour, by each part smoothed over the likes, and by groups that parts make and behaviour fills.

    e = e_id + sum over parts m of norm(A^K f_m W_m) + alpha norm(sum over m of H_m H_m,items^T e_id,items), with e_id the
    mean of hops and f_m of a person the mean of what they like. A row of H_m tells how much an item or a person belongs to
    each group: softmax(f_m V_m / t), of a person by the sum of f_m; in training Gumbel noise is added and numbers are
    dropped. The loss is BPR, and InfoNCE between what the groups of two parts tell (Guo et al. 2024: local graph embedding
    and global hypergraph embedding, with two parts). The contrast is within the batch; the authors' code has it with all.

    Missing data:
        A part that an item lacks puts it into no group. An item that nobody liked has its own parts for smoothed ones; NaN
        where it has none.
    """

    name = "lgmrec"
    config_type = LGMRecConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: LGMRecConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        weights = self.weights
        self.agreement = InfoNCE(temperature=config.contrast_temperature)
        self.likes = Operator(train.liked)
        self.placed = self.warm | np.any([part.present for part in parts.values()], axis=0)
        self.has, self.values, self.smoothed, self.maps, self.groups = {}, {}, {}, {}, {}
        graph = bipartite(train.liked, config.item_power)
        for name, part in parts.items():
            counts, values = train.liked @ part.present.astype(np.float32), part.numbers
            self.has[name] = np.concatenate([counts > 0, part.present])
            self.values[name] = weights.constant(values)
            spread = np.concatenate([(train.liked @ values) / np.maximum(counts, 1)[:, None], values])
            for _ in range(config.content_layers):
                spread = graph @ spread
            spread[self.users :][~self.warm] = values[~self.warm]
            self.smoothed[name] = weights.constant(spread.astype(np.float32))
            self.maps[name] = weights.linear(f"map {name}", values.shape[1], config.dim, bias=False)
            self.groups[name] = weights.linear(f"groups {name}", values.shape[1], config.hyperedges, bias=False)

    def grouped(self, items: Tensor, noise: Any) -> dict[str, Tensor]:
        """Return what the groups of each part tell of users and items; float32[n_users + n_items, dim] each.

        Without noise, as in evaluation, nothing is drawn.
        """
        config, told = self.config, {}
        for name, layer in self.groups.items():
            there = self.weights.constant(self.has[name])[:, None]
            likely = layer(self.values[name])
            likely = torch.cat([self.likes(likely), likely])
            if noise is not None:
                likely = likely + gumbel(likely, noise)
            belong = torch.softmax(likely / config.hyper_temperature, dim=1) * there
            if noise is not None:
                belong = dropped(belong, config.dropout, noise)
            mine = belong[self.users :]
            centres = mine.T @ items
            for _ in range(config.hyper_layers - 1):
                centres = (mine.T @ mine) @ centres
            told[name] = belong @ centres
        return told

    def joined(self, graph: Operator, noise: Any = None) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Return the vectors of users and of items, and what the groups of each part tell."""
        users, items = super().vectors(graph)
        told = self.grouped(items, noise)
        normed = torch.nn.functional.normalize
        views = sum(normed(layer(self.smoothed[name]), dim=1) for name, layer in self.maps.items())
        whole = torch.cat([users, items]) + views + self.config.alpha * normed(sum(told.values()), dim=1)
        return whole[: self.users], whole[self.users :], told

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items, nothing drawn."""
        return self.joined(graph)[:2]

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the losses of the ranking, and of what the groups of two parts tell differently."""
        users, items, told = self.joined(self.graph, noise)
        losses = dict(self.losses_of(users, items, batch, noise))
        pairs = list(combinations(told, 2))
        if self.config.contrast and pairs:
            lost = sum(self._differ(told, pair, batch) for pair in pairs)
            losses["contrast"] = self.config.contrast / len(pairs) * lost
        return losses

    def _differ(self, told: Mapping[str, Tensor], pair: tuple[str, str], batch: Batch) -> Tensor:
        """Return the InfoNCE of two parts over the people of a batch and what they like, those that have both parts."""
        lost = self.people.new_zeros(())
        for codes in (batch.users, self.users + batch.items):
            rows = np.unique(codes)
            rows = rows[self.has[pair[0]][rows] & self.has[pair[1]][rows]]
            if len(rows):
                chosen = self.weights.constant(rows)
                lost = lost + self.agreement.between(*(told[name].index_select(0, chosen) for name in pair))
        return lost

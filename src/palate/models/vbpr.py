"""Vectors of users and items, and of users in the space of what items look and sound like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from palate.data.dataset import Dataset
from palate.models._deep import VectorModel, VectorNetwork
from palate.models._deep_parts import Prepared, parts_for
from palate.models._fusing import FusingConfig, FusingModel, Joined, reader
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.pairs import Batch, multiplied
from palate.training.ranking import ranking_loss


class VBPRConfig(FusingConfig):
    """How wide, beside how every network learns."""


class VBPR(FusingModel[VBPRConfig], VectorModel[VBPRConfig]):
    """Score items by products of factors, and of a person's taste in content with the projected parts of an item.

    x_ui = b_i + <gamma_u, gamma_i> + sum over parts m of <theta_u, E_m f_mi> + <beta_m, f_mi> (He and McAuley 2016, there with
    pictures alone, and with an offset and a level of the user, which change no ranking), learned by BPR.

    Missing data:
        A part that an item lacks adds nothing. An item that nobody liked has its parts alone; NaN where it has none.
    """

    name = "vbpr"
    config_type = VBPRConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, self._read(parts_for(self.config, train), train, rng), rng)


class _Network(VectorNetwork):
    def __init__(
        self, config: VBPRConfig, train: Dataset, parts: Mapping[str, Prepared | Joined], rng: np.random.Generator
    ) -> None:
        self.config = config
        users, items = len(train.users), len(train.items)
        warm = np.bincount(train.liked.indices, minlength=items) > 0
        self.placed = warm | np.any([part.present for part in parts.values()], axis=0)
        weights = self.weights = Weights(rng)
        self.has_likes = weights.constant(warm[:, None].astype(np.float32))
        self.tastes, self.looks = (
            weights.table("gamma_users", users, config.dim),
            weights.table("theta", users, config.dim),
        )
        self.things, self.bias = (
            weights.table("gamma_items", items, config.dim),
            weights.put("bias", np.zeros((items, 1), np.float32)),
        )
        self.values = {name: weights.constant(part.values) for name, part in parts.items()}
        self.maps = {name: reader(weights, f"map {name}", part, config.dim, bias=False) for name, part in parts.items()}
        self.liking = {
            name: weights.linear(f"beta {name}", part.values.shape[1], 1, bias=False) for name, part in parts.items()
        }
        self.loss = ranking_loss(config)

    def final(self) -> tuple[Tensor, Tensor]:
        """Return users as (gamma, theta, 1) and items as (gamma, projected parts, biases); float32[n, 2 dim + 1]."""
        seen = sum(layer(self.values[name]) for name, layer in self.maps.items())
        bias = self.bias * self.has_likes + sum(layer(self.values[name]) for name, layer in self.liking.items())
        ones = torch.ones(len(self.tastes), 1, device=self.weights.device)
        return torch.cat([self.tastes, self.looks, ones], 1), torch.cat([self.things * self.has_likes, seen, bias], 1)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the loss of the ranking, and of the length of the vectors that the batch reads."""
        pairs = multiplied(*self.final(), batch)
        losses = {self.config.loss: self.loss(pairs)}
        if self.config.reg:
            read = [
                (self.tastes, batch.users),
                (self.looks, batch.users),
                (self.things, batch.items),
                (self.bias, batch.items),
            ]
            others = batch.others.items.reshape(-1)
            read += [(self.things, others), (self.bias, others)]
            rows = [table.index_select(0, self.weights.constant(codes)) for table, codes in read]
            maps = [w for layer in (*self.maps.values(), *self.liking.values()) for w in layer.parameters()]
            losses["reg"] = self.config.reg * (
                sum(row.square().sum() for row in rows) / (2 * len(batch)) + sum(w.square().sum() for w in maps) / 2
            )
        return losses

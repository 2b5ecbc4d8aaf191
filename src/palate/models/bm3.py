"""Vectors of users and items that foretell each other, and an item's parts; nothing is drawn against a like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat

from palate.data.dataset import Dataset
from palate.models._deep import VectorModel
from palate.models._deep_parts import PartsConfig, Prepared, parts_for
from palate.models._hops import HopConfig, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.noise import dropped
from palate.training.pairs import Batch


class BM3Config(PartsConfig, HopConfig):
    """How views are made, and how much the parts count."""

    layers: int = Field(1, ge=0)
    """Hops over the graph of likes; the vectors of all hops are averaged."""
    reg: NonNegativeFloat = 0.1
    """Weight of the mean square of the numbers in the vectors that a batch reads."""
    sampler: Literal["none"] = "none"
    """What a like is held against: nothing."""
    loss: Literal["bpr"] = "bpr"
    """Of no use here, so not to be changed: what is learned is to foretell."""
    truncate: float = Field(0.0, ge=0, le=0)
    """Of no use here, so not to be changed: there are no losses of a ranking to compare."""
    cosine: Literal[False] = False
    """Of no use here, so not to be changed: vectors are compared by cosine in learning, by product in scoring."""
    dropout: float = Field(0.3, ge=0, lt=1)
    """Share of the numbers that the view to be foretold loses."""
    content: NonNegativeFloat = 2.0
    """How much foretelling by and of the parts counts."""
    learn_parts: bool = True
    """Whether the numbers of the parts are learned too, from those given on."""


class BM3(VectorModel[BM3Config]):
    """Make a user's vector foretell those of liked items, and theirs the user's and the item's parts; no negatives.

    With h the mean of hops (and for items e^(0) added), h~ = h W + b and h^ = h with numbers dropped and no gradient: the sum
    of 1 - cos(h~_u, h^_i) and 1 - cos(h~_i, h^_u), and for each part m of 1 - cos(h~_m, h^_i) and 1 - cos(h~_m, h^_m), those
    of the parts times `content` (Zhou et al. 2023). Scores are products of h~. The parts are learned further, as in the
    authors' code; what holds vectors small is the mean square of the numbers read, where that has the norm of all h.

    Missing data:
        A part that an item lacks is neither foretold nor foretells. NaN for items that nobody liked: parts teach vectors,
        they do not make them.
    """

    name = "bm3"
    config_type = BM3Config
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: BM3Config, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        self.foretell = self.weights.linear("foretell", config.dim, config.dim)
        self.values = {
            name: self.weights.put(f"part {name}", part.values)
            if config.learn_parts
            else self.weights.constant(part.values)
            for name, part in parts.items()
        }
        self.present = {name: self.weights.constant(part.present) for name, part in parts.items()}
        self.maps = {
            name: self.weights.linear(f"map {name}", part.values.shape[1], config.dim) for name, part in parts.items()
        }

    def finished(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Add to each item what it starts with."""
        return users, items + self.first_items()

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return what foretelling misses, and the length of the vectors that the batch reads."""
        rows, liked = (self.weights.constant(codes) for codes in (batch.users, batch.items))
        users, items = self.vectors(self.graph)
        user, item = users.index_select(0, rows), items.index_select(0, liked)
        seen_user, seen_item = self._view(user, noise), self._view(item, noise)
        losses = {
            "likes": _missed(self.foretell(user), seen_item).mean() + _missed(self.foretell(item), seen_user).mean()
        }
        lost = [self._part(name, liked, seen_item, noise) for name in self.maps]
        if lost:
            losses["content"] = self.config.content * sum(lost)
        if self.config.reg:
            losses["reg"] = self.config.reg * (user.square().mean() + item.square().mean())
        return losses

    def _part(self, name: str, liked: Tensor, seen_item: Tensor, noise: Any) -> Tensor:
        """Return what one part misses of its items, and of itself."""
        there = self.present[name].index_select(0, liked)
        part = self.maps[name](self.values[name].index_select(0, liked))
        told = self.foretell(part)
        lost = _missed(told, seen_item) + _missed(told, self._view(part, noise))
        return (lost * there).sum() / there.sum().clamp(min=1)

    def _view(self, vectors: Tensor, noise: Any) -> Tensor:
        """Drop numbers, and let no gradient through."""
        return dropped(vectors.detach(), self.config.dropout, noise)

    def final(self) -> tuple[Tensor, Tensor]:
        """Return what is foretold from the vectors on the whole graph."""
        users, items = self.vectors(self.whole)
        return self.foretell(users), self.foretell(items)


def _missed(told: Tensor, seen: Tensor) -> Tensor:
    return 1 - torch.nn.functional.cosine_similarity(told, seen, dim=1)

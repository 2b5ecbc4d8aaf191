"""Parts alone make an item, a thinner graph of likes each epoch makes the tastes; items have no vector of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from palate.data.dataset import Dataset
from palate.models._agreement import NearConfig, agreement
from palate.models._deep_parts import Prepared, likeness, parts_for
from palate.models._hops import HopConfig, HopModel, HopNetwork
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator, thinned
from palate.nn.noise import dropped
from palate.training.losses.info_nce import InfoNCE
from palate.training.pairs import Batch, Pairs


class PGLConfig(NearConfig, HopConfig):
    """How likes are thinned, and how far two views of the same must agree."""

    reg: NonNegativeFloat = 0.0
    """Weight of half the squared length of the people's vectors and the parts that a batch reads, per like."""
    neighbours: PositiveInt = 10
    """How many of the nearest items by content an item takes from."""
    dropped: float = Field(0.7, ge=0, lt=1)
    """Share of the likes that an epoch leaves out of the graph, those between popular ends first."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Share of the numbers that a view loses."""
    contrast: NonNegativeFloat = 0.05
    """How much the agreement of two views of the same person, and of the same item, counts in the loss."""
    contrast_temperature: PositiveFloat = 0.2
    """How sharply they must agree."""


class PGL(HopModel[PGLConfig]):
    """Score items by their projected parts, smoothed over the likes and over a frozen graph of items alike by content.

    e^(0) of an item is norm(W_m f_m) of each part m side by side, f_m learned further from the given one; of a person, a
    vector for each part. e is the mean over hops, on a part of the likes that is drawn for each epoch by 1 / sqrt(d_u d_i);
    an item adds S e^(0). Scores are made on all likes. The loss is BPR, and InfoNCE between two views of the same vector
    with numbers dropped (Yu et al. 2025, with the local-aware extraction of the principal graph; the authors' code adds a
    bias to W_m f_m). S is made as in `freedom`.

    Missing data:
        A part that an item lacks is zeros, and it is compared by the others. One without parts is what people and
        neighbours lend it. NaN for items that have neither likes nor parts.
    """

    name = "pgl"
    config_type = PGLConfig
    requires = frozenset({"interactions", "features"})

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train), rng)


class _Network(HopNetwork):
    def __init__(
        self, config: PGLConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        given = np.concatenate([part.numbers for part in parts.values()], axis=1)
        super().__init__(config, train, rng, dim=config.dim * len(parts), things=given)
        self.agreement = InfoNCE(temperature=config.contrast_temperature)
        self.near = Operator(likeness(parts, self.warm, config.neighbours, agreement(config, parts, train)))
        self.placed = self.warm | np.any([part.present for part in parts.values()], axis=0)
        self.widths = [part.values.shape[1] for part in parts.values()]
        self.present = [self.weights.constant(part.present[:, None].astype(np.float32)) for part in parts.values()]
        self.maps = [
            self.weights.linear(f"map {name}", part.values.shape[1], config.dim, bias=False)
            for name, part in parts.items()
        ]

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Leave out likes, the popular first."""
        if self.config.dropped:
            self.graph = self.operator(thinned(self.liked, 1 - self.config.dropped, rng))

    def first_items(self) -> Tensor:
        """Return the projected parts side by side, each of length one or zeros where missing."""
        views = zip(self.maps, self.things.split(self.widths, dim=1), self.present, strict=True)
        return torch.cat([torch.nn.functional.normalize(layer(part), dim=1) * there for layer, part, there in views], 1)

    def vectors(self, graph: Operator) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items; items add what their nearest by content start with."""
        first = self.first()
        users, items = graph.averaged(first, self.config.layers).split([self.users, len(self.warm)])
        return users, items + self.near(first[self.users :])

    def terms(self, batch: Batch, pairs: Pairs, noise: Any) -> Mapping[str, Tensor]:
        """Let two views of a person agree, and of what they like."""
        if not self.config.contrast:
            return {}
        lost = 0.0
        for codes, vectors in ((batch.users, pairs.users), (batch.items, pairs.items)):
            _, places = np.unique(codes, return_index=True)
            once = vectors.index_select(0, self.weights.constant(places))
            lost = lost + self.agreement.between(*(dropped(once, self.config.dropout, noise) for _ in range(2)))
        return {"contrast": self.config.contrast / 2 * lost}

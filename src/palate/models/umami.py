"""Behaviour and content in one vector, held against the whole batch; our own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from palate.core.state import State, pack_csr, unpack_csr
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Queries, Run
from palate.linalg.cooccurrence import damped_cosine
from palate.linalg.neighbours import unit_rows
from palate.linalg.products import dense_product
from palate.models._deep_parts import PartsConfig, Prepared, likeness, parts_for, shares
from palate.models._hops import HopConfig, HopModel, HopNetwork
from palate.nn._torch import Tensor
from palate.nn.graph import Operator
from palate.training.judge import Judge


class UmamiConfig(PartsConfig, HopConfig):
    """How deep, and how much content and neighbourhoods count."""

    lr: PositiveFloat = 2e-3
    reg: NonNegativeFloat = 0.0
    loss: str = "sampled-softmax"
    sampler: str = "in-batch"
    width: PositiveInt = 256
    cosine: bool = True
    content: NonNegativeFloat = 0.1
    """How much the projected parts count beside an item's own vector."""
    neighbours: NonNegativeInt = 10
    """How many of the nearest items by content an item takes from; 0 takes from none."""
    weights: dict[str, NonNegativeFloat] | None = None
    """How much each part counts in nearness; None lets all count alike."""
    hop: NonNegativeFloat = 1.0
    """How much it takes."""
    late: NonNegativeFloat | None = None
    """How much damped cosines of items (item-knn) count in a score; None lets validation choose."""
    shrink: NonNegativeFloat = 100.0
    """Of these cosines: damps the likeness of items that few liked."""
    user_power: NonNegativeFloat = 0.25
    """Of these cosines: a user's likes weigh (number of likes)^-user_power."""


_LATE = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0)
"""What validation chooses from."""


class Umami(HopModel[UmamiConfig]):
    """Score items by the cosine of vectors that hold behaviour, content and the neighbourhood of both.

    e^(0) of an item is its own vector and content times the mean of its projected parts; e is the mean over hops on the
    graph of likes (He et al. 2020); an item adds hop times the mean of e over its nearest items by content (Zhou and Shen
    2023). Learned by softmax over the batch with log-popularity taken off (Yi et al. 2019). To the cosine a score adds late
    times the share of item-knn's best.
    """

    name = "umami"
    config_type = UmamiConfig
    accepts = frozenset({"features"})

    graph: CSR
    """Damped cosines of items."""
    late: float
    """How much they count."""

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        return _Network(self.config, train, parts_for(self.config, train, needed=False), rng)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        super()._fit(train, valid, run)
        config = self.config
        self.graph = damped_cosine(
            train.liked, shrink=config.shrink, user_power=config.user_power, neighbours=0, threads=run.threads
        )
        self.late = config.late or 0.0
        if config.late is None and valid is not None:
            self._choose_late(train, valid)

    def _chosen(self) -> dict[str, Any]:
        return {**super()._chosen(), "late": self.late}

    def _choose_late(self, train: Dataset, valid: Dataset) -> None:
        judge = Judge(train, valid, self.config.judge_by)
        values = {}
        for weight in _LATE:
            self.late = weight
            values[weight] = judge(lambda users: self.score(Queries.of_users(train, users)))
        self.late = max(values, key=lambda weight: values[weight])

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return cosines and, for those that are near what was liked, more; float32[q, n]."""
        people = self._people(queries)
        chosen = slice(None) if items is None else items
        scores = np.asarray(unit_rows(people) @ self.vectors[chosen].T, dtype=np.float32)
        if self.late:
            near = dense_product(queries.history, self.graph)
            best = near.max(axis=1, keepdims=True)
            scores += (self.late * near / np.where(best > 0, best, 1))[:, chosen]
        scores[:, ~self.placed[chosen]] = np.nan
        scores[self._strangers(queries)] = np.nan
        return scores

    def state(self) -> State:
        """The vectors, and the cosines that are added."""
        inner = super().state()
        return State({**inner.arrays, **pack_csr("graph", self.graph)}, {**inner.meta, "late": self.late})

    def load_state(self, state: State) -> Self:
        """Take over the vectors and the cosines."""
        self.graph, self.late = unpack_csr("graph", state.arrays), state.meta["late"]
        return super().load_state(state)


class _Network(HopNetwork):
    def __init__(
        self, config: UmamiConfig, train: Dataset, parts: Mapping[str, Prepared], rng: np.random.Generator
    ) -> None:
        super().__init__(config, train, rng)
        self.values = {name: self.weights.constant(part.values) for name, part in parts.items()}
        self.maps = {
            name: self.weights.linear(f"map {name}", part.values.shape[1], config.dim, bias=False)
            for name, part in parts.items()
        }
        self.near = None
        if not parts:
            return
        present = np.stack([part.present for part in parts.values()])
        self.placed = self.warm | present.any(axis=0)
        share = config.content / np.maximum(present.sum(axis=0), 1)
        self.share = self.weights.constant(share.astype(np.float32)[:, None])
        if config.neighbours and config.hop:
            self.near = Operator(likeness(parts, shares(config.weights, parts), self.warm, config.neighbours, None))

    def first_items(self) -> Tensor:
        """Return items' own vectors and their content."""
        things = super().first_items()
        for name, layer in self.maps.items():
            things = things + self.share * layer(self.values[name])
        return things

    def finished(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """Add to each item what its nearest by content have come to."""
        return users, items if self.near is None else items + self.config.hop * self.near(items)

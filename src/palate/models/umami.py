"""Behaviour and content in one vector, held against the whole batch; our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from palate.core.errors import MemoryLimitError
from palate.core.ids import IdMap
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats
from palate.data.dataset import Dataset
from palate.interfaces import Explains, Queries, Run
from palate.linalg.neighbours import unit_rows
from palate.models._agreement import NearConfig, agreement
from palate.models._base import Model
from palate.models._deep_parts import Prepared, likeness, parts_for
from palate.models._fusing import FUSED, FusingConfig, FusingModel, Joined, of_left, reader
from palate.models._hops import HopConfig, HopModel, HopNetwork
from palate.models.cease import CEASE
from palate.models.ease import EASE
from palate.models.item_knn import ItemKNN
from palate.nn._torch import Tensor, torch
from palate.nn.graph import Operator
from palate.training.hiding import hidden
from palate.training.judge import Judge
from palate.training.pairs import Batch


class UmamiConfig(HopConfig, FusingConfig, NearConfig):
    """How deep, and how much content and neighbourhoods count."""

    lr: PositiveFloat = 1e-3
    batch_size: PositiveInt = 512
    temperature: PositiveFloat = 0.25
    reg: NonNegativeFloat = 0.0
    loss: str = "sampled-softmax"
    sampler: str = "in-batch"
    width: PositiveInt = 256
    cosine: bool = True
    content: NonNegativeFloat = 4.0
    """How much the projected parts count beside an item's own vector."""
    neighbours: NonNegativeInt = 10
    """How many of the nearest items by content an item takes from; 0 takes from none."""
    hop: NonNegativeFloat = 1.0
    """How much it takes."""
    prior: PositiveFloat | None = 3.0
    """An item takes prior / (its likes + prior) of that: the more is known of it, the less. None lets all take alike."""
    unmet: float = Field(0.2, ge=0, lt=1)
    """Share of the items that each step sees as if nobody had liked them, so that parts and neighbours learn to stand alone."""
    hidden: float = Field(0.0, ge=0, lt=1)
    """Share of the projected parts that each step hides (modality dropout), so that an item is known by any of them."""
    beside: Literal["item-knn", "ease", "cease"] | None = None
    """A model of which items go together that each score is made of too; None lets validation choose, as far as parts and memory
    allow; where `late` is given or nothing validates, item-knn."""
    late: NonNegativeFloat | None = None
    """How much it counts; None lets validation choose."""
    shrink: NonNegativeFloat = 100.0
    """Of item-knn: damps the likeness of items that few liked."""
    user_power: NonNegativeFloat = 0.25
    """Of item-knn: a user's likes weigh (number of likes)^-user_power."""
    ease_reg: PositiveFloat = 200.0
    """Of ease and cease: what holds their weights small."""
    ease_content: float = Field(0.3, gt=0, le=100)
    """Of cease: how much the likeness of items by their parts counts, as a multiple of `ease_reg`."""
    memory_limit_mb: PositiveInt = 4096
    """Leave out a model that would take more than this many MiB beside the cosines; refuse where none is left."""


_LATE = (0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 4.0)
"""What validation chooses from, beside 0."""


class Umami(FusingModel[UmamiConfig], HopModel[UmamiConfig]):
    """Score items by the cosine of vectors that hold behaviour, content and the neighbourhood of both.

    e^(0) of an item is its own vector and `content` times the mean of its projected parts; e is the mean over hops on the
    graph of likes (He et al. 2020); an item adds `hop` prior / (its likes + prior) times the mean of e over its nearest
    items by content (Zhou and Shen 2023). Learned by softmax over the batch with log-popularity taken off (Yi et al. 2019).
    Some items, drawn anew in each step, are seen as they would be if nobody had liked them: by content / (layers + 1) and
    `hop` times their neighbours alone (after DropoutNet, Volkovs et al. 2017). To the cosine a score adds `late` times
    what item-knn, ease or cease says, as a share of what it says of the person's best.
    """

    name = "umami"
    config_type = UmamiConfig
    accepts = frozenset({"features"})

    beside: Model[Any] | None = None
    """item-knn, ease or cease, fitted."""
    late: float
    """How much it counts."""

    def _network(self, train: Dataset, rng: np.random.Generator) -> _Network:
        parts = parts_for(self.config, train, needed=False)
        return _Network(self.config, train, parts, self._read(parts, train, rng), rng)

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        config = self.config
        judge = Judge(train, valid, config.judge_by) if config.late is None and valid is not None else None
        choice = judge if judge and len(judge.users) else None
        names: list[str] = [config.beside or "item-knn"]
        if choice and not config.beside:
            names = [name for name in _BESIDE if name != "cease" or _has_parts(config, train)]
        fitted = _fitting(names, config, train, run) if choice or config.late else []
        super()._fit(train, valid, run)
        self.beside, self.late = next(iter(fitted), None), config.late or 0.0
        if choice:
            self._choose(fitted, choice, train)

    def _choose(self, fitted: Sequence[Model[Any]], judge: Judge, train: Dataset) -> None:
        """Let validation choose what stands beside the cosines, and how much it counts."""
        best = -np.inf
        for model, late in [(fitted[0], 0.0), *itertools.product(fitted, _LATE)]:
            self.beside, self.late = model, late
            value = judge(lambda users: self.score(Queries.of_users(train, users)))
            if value > best:
                best, chosen = value, (model, late)
        self.beside, self.late = chosen

    def _chosen(self) -> dict[str, Any]:
        return {**super()._chosen(), "late": self.late, "beside": self.beside.name if self.beside else None}

    def remember(self, users: IdMap, items: IdMap, liked: CSR, seen: CSR) -> None:
        """Take over whom the model knows, for the one beside it too."""
        super().remember(users, items, liked, seen)
        if self.beside is not None:
            self.beside.remember(users, items, liked, seen)

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return cosines and, for those that go with what was liked, more; float32[q, n]."""
        people = self._people(queries)
        chosen = slice(None) if items is None else items
        scores = np.asarray(unit_rows(people) @ self.vectors[chosen].T, dtype=np.float32)
        if self.beside is not None and self.late:
            near = np.nan_to_num(self.beside.score(queries), copy=False)
            scores += (near * self._worth(near))[:, chosen]
        scores[:, ~self.placed[chosen]] = np.nan
        scores[self._strangers(queries)] = np.nan
        return scores

    def _worth(self, near: Floats) -> Floats:
        """Return what scores beside the cosines are multiplied by; float32[q, n] -> float32[q, 1]."""
        best = near.max(axis=1, keepdims=True)
        return np.asarray(self.late / np.where(best > 0, best, 1), dtype=np.float32)

    def _amounts(self, query: Queries, item: int) -> tuple[Floats, float]:
        amounts, own = super()._amounts(query, item)
        length = float(np.linalg.norm(self._people(query))) or 1.0
        amounts = amounts / np.float32(length)
        if isinstance(self.beside, Explains) and self.late:
            told = self.beside.explain(query, item).history
            worth = self._worth(np.nan_to_num(self.beside.score(query)))[0, 0]
            amounts += worth * np.array([told.get(code, 0.0) for code in query.history.indices.tolist()], np.float32)
        return amounts, own / length

    def state(self) -> State:
        """The vectors, and what the model beside them learned."""
        inner = super().state()
        if self.beside is None or not self.late:
            return State(inner.arrays, {**inner.meta, "late": 0.0})
        whole = State(inner.arrays, {**inner.meta, "late": self.late, "name": self.beside.name})
        return whole.joined("beside", self.beside.state())

    def load_state(self, state: State) -> Self:
        """Take over the vectors, and what the model beside them learned."""
        self.late = state.meta["late"]
        if self.late:
            self.beside = _BESIDE[state.meta["name"]](self.config)
            self.beside.load_state(state.nested("beside"))
        return super().load_state(state)


_BESIDE: Mapping[str, Callable[[UmamiConfig], Model[Any]]] = {
    "item-knn": lambda config: ItemKNN(
        shrink=config.shrink, user_power=config.user_power, memory_limit_mb=config.memory_limit_mb
    ),
    "ease": lambda config: EASE(reg=config.ease_reg, memory_limit_mb=config.memory_limit_mb),
    "cease": lambda config: CEASE(
        reg=config.ease_reg,
        content=config.ease_content,
        parts=config.parts,
        weights=config.weights,
        width=config.width,
        memory_limit_mb=config.memory_limit_mb,
    ),
}


def _has_parts(config: UmamiConfig, train: Dataset) -> bool:
    """Tell whether an item has any of the parts that the config names."""
    if config.parts is None and not train.part_names():
        return False
    return any(table.present.any() for table in train.item_parts(config.parts).values())


def _fitting(names: Sequence[str], config: UmamiConfig, train: Dataset, run: Run) -> list[Model[Any]]:
    """Return these models, fitted; without those that would take too much memory, as long as one is left.

    Raises:
        MemoryLimitError: none is left.
    """
    fitted: list[Model[Any]] = []
    for name in names:
        try:
            fitted.append(_BESIDE[name](config).fit(train, None, Run(threads=run.threads)))
        except MemoryLimitError as error:
            if name == names[-1] and not fitted:
                raise MemoryLimitError(
                    f"{' or '.join(names)} beside umami would take more than memory_limit_mb={config.memory_limit_mb} for "
                    f"{len(train.items):,} items: raise the limit, or leave it out by late=0"
                ) from error
    return fitted


class _Network(HopNetwork):
    def __init__(
        self,
        config: UmamiConfig,
        train: Dataset,
        parts: Mapping[str, Prepared],
        read: Mapping[str, Prepared | Joined],
        rng: np.random.Generator,
    ) -> None:
        super().__init__(config, train, rng)
        self.values = {name: self.weights.constant(part.values) for name, part in read.items()}
        self.maps = {
            name: reader(self.weights, f"map {name}", part, config.dim, bias=False) for name, part in read.items()
        }
        self.near, self.trust = None, self.weights.constant(np.ones(1, dtype=np.float32))
        if not parts:
            return
        present = np.stack([part.present for part in read.values()])
        self.joined = next((part for part in read.values() if isinstance(part, Joined)), None)
        self.there = self.weights.constant(present.T if self.joined is None else self.joined.there)
        share = config.content / np.maximum(present.sum(axis=0), 1)
        self.share = self.weights.constant(share.astype(np.float32)[:, None])
        told = present.any(axis=0) & (config.content > 0)
        if config.neighbours and config.hop:
            near = likeness(parts, self.warm, config.neighbours, agreement(config, parts, train))
            self.near = Operator(sp.csr_array(config.hop * near))
            known = np.bincount(train.liked.indices, minlength=len(train.items))
            trust = np.ones(len(known)) if config.prior is None else config.prior / (known + config.prior)
            self.trust = self.weights.constant(trust.astype(np.float32)[:, None])
            told = told | (np.diff(near.indptr) > 0)
        self.told = self.weights.constant(np.asarray(told)[:, None])
        self.placed = self.warm | told

    def content(self, left: Tensor | None = None) -> Tensor:
        """Return what the parts of items say, or those that are left; bool[n_items, m] -> float32[n_items, dim], 0 without any."""
        if left is None:
            return self.share * sum(layer(self.values[name]) for name, layer in self.maps.items()) if self.maps else 0
        if self.joined is not None:
            return self.share * self.maps[FUSED](of_left(self.values[FUSED], left))
        masks = left.float()
        masks = masks * (self.config.content / masks.sum(1, keepdim=True).clamp(min=1))
        return sum(layer(self.values[name]) * masks[:, [m]] for m, (name, layer) in enumerate(self.maps.items()))

    def first_items(self) -> Tensor:
        """Return items' own vectors and their content."""
        return super().first_items() + self.content()

    def vectors(
        self, graph: Operator, unmet: Tensor | None = None, left: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the vectors of users and of items, by the parts that are left; those of `unmet` as if nobody had liked them.

        Shapes:
            unmet: bool[n_items, 1]; left: bool[n_items, m] -> float32[n_users, dim], float32[n_items, dim].
        """
        content = self.content(left)
        first = torch.cat([self.people, super().first_items() + content])
        users, items = graph.averaged(first, self.config.layers).split([self.users, len(self.warm)])
        near = 0 if self.near is None else self.near(items)
        met = items + self.trust * near
        return users, met if unmet is None else torch.where(unmet, content / (self.config.layers + 1) + near, met)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the losses; some items are drawn to be seen as if nobody had liked them, some parts to be hidden."""
        unmet = left = None
        if self.maps and self.config.unmet:
            drawn = torch.rand(self.told.shape, generator=noise, device=self.told.device) < self.config.unmet
            unmet = drawn & self.told
        if self.maps and self.config.hidden:
            left = hidden(self.there, self.config.hidden, noise)
        return self.losses_of(*self.vectors(self.graph, unmet, left), batch, noise)

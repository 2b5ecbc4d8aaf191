"""People's vectors times what is made of an item's parts: any fusion, judged by how well it tells tastes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self, TypeGuard

import numpy as np
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from palate.core.errors import ConfigError, DataError
from palate.core.rng import generator
from palate.core.state import State
from palate.core.types import Codes, Floats
from palate.data.dataset import Dataset
from palate.fusion._join import Join
from palate.fusion._learned import LearnedFusion
from palate.fusion._learning import Making
from palate.fusion._tastes import Tastes, TastesConfig, batches, of_things, taught
from palate.fusion.mlp import MLP
from palate.interfaces import Explanation, Fusion, Parts, Queries, Run, Settles
from palate.models._deep import DeepConfig, VectorModel
from palate.models._fusing import spec_of
from palate.models._personal import Views
from palate.nn.network import Weights
from palate.training.batches import Batches
from palate.training.config import TrainingConfig
from palate.training.samplers import Sampler


class TwoTowerConfig(TastesConfig, DeepConfig):
    """Which parts are read, beside how every network learns."""

    parts: tuple[str, ...] | None = None
    """Names of the parts to look at; None takes every part of items."""
    dim: PositiveInt = 64
    """Width of the vectors where the fusion is learned; any other has a width of its own, and so have people then."""
    lr: PositiveFloat = 5e-3
    """Step of Adam."""
    reg: NonNegativeFloat = 0.0
    """Weight of half the squared length of people's vectors that a batch reads, per like."""
    loss: str = "sampled-softmax"
    """sampled-softmax, bpr, bce, or alignment."""
    sampler: str = "in-batch"
    """What a like is held against: in-batch, uniform, popularity, hard."""


class TwoTower(VectorModel[TwoTowerConfig]):
    """Score an item by the cosine of a person's vector and the fused vector of the item's parts; an item has nothing else.

    s_ui = cos(t_u, f(x_i)): one tower looks people up, the other fuses parts (Yi et al. 2019, without features of people). A fusion that
    learns from likes learns together with t, all others are fitted first and stay as they are. So items that nobody met are placed as well as any.

    Missing data:
        NaN for items without any of the parts, and for people of whom nothing is known.
    Raises:
        ConfigError: a width was given to the model and another to its fusion, or a setting that has nothing to act on.
        DataError: nobody likes an item that has a part, or the parts are the same for every item.
    """

    name = "two-tower"
    config_type = TwoTowerConfig
    requires = frozenset({"interactions", "features"})

    fusion: Fusion
    views: Views | None
    """What everyone sees in items in their own way, where the fusion is such."""
    read: tuple[str, ...]
    """The parts that are seen then."""

    def __init__(
        self, config: TwoTowerConfig | None = None, /, *, fusion: Fusion | None = None, **settings: Any
    ) -> None:
        super().__init__(config, **settings)
        self.fusion = _of_width(MLP() if fusion is None else fusion, self.config)
        _refuse_idle(self.fusion, self.config)

    def spec(self) -> dict[str, Any]:
        """Return the name, the settings and the fusion."""
        return {**super().spec(), "fusion": spec_of(self.fusion)}

    def settled(self) -> Self:
        """Return an unfitted model that learns for as many epochs as validation found best, and looks at it no more."""
        fusion = self.fusion
        if isinstance(fusion, Settles) and not _learns_along(fusion):
            fusion = fusion.settled()
        return type(self)(self.config.model_copy(update=self._chosen()), fusion=fusion)

    def _learn(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self.fusion = type(self.fusion)(self.fusion.config)  # type: ignore[call-arg]  # another model may hold the one given
        if not _learns_along(self.fusion):
            self.fusion.fit(_parts(train, self.config), train, generator(run.seed, "fusion"), valid)
        super()._learn(train, valid, run)

    def _network(self, train: Dataset, rng: np.random.Generator) -> Tastes:
        parts, fusion = _parts(train, self.config), self.fusion
        if _learns_along(fusion):
            rows, there = fusion.begun(parts, train)
            self.read = tuple(rows)
            dim = fusion.dim
            making: Making = fusion.making
        else:
            fused = fusion.fuse(parts)
            rows, there = {"fused": fused.values}, fused.present[:, None]
            dim, making = fused.dim, _as_given
        if not any(values.any() for values in rows.values()):
            raise DataError(
                f"the parts {', '.join(parts)} are the same for every item, so that none can be told from another: encode others"
            )
        return Tastes(self.config, len(train.users), rows, there, making, rng, dim=dim)

    def _taught(self, network: Any, train: Dataset) -> Any:
        return taught(self.config, network, train.liked)

    def _batches(self, network: Any, train: Dataset, sampler: Sampler[Any]) -> Batches:
        liked = of_things(train.liked, network.placed)
        if not liked.nnz:
            raise DataError(
                "nobody likes an item that has any of the parts, so there is nothing to learn: encode more of the items"
            )
        return batches(self.config, liked, sampler, network.there)

    def _take(self, network: Any, train: Dataset) -> None:
        super()._take(network, train)
        self.views = Views.of(network)
        if _learns_along(self.fusion):
            self.fusion.keep(network.weights.arrays())

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return products of people's vectors and items', or what people see in items each in their own way; float32[q, n]."""
        if self.views is None:
            return super().score(queries, items)
        chosen: Codes | slice = slice(None) if items is None else items
        scores = self.views.scores(self._people(queries), chosen)
        scores[:, ~self.placed[chosen]] = np.nan
        scores[self._strangers(queries)] = np.nan
        return scores

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked, exactly; where everyone sees things in their own way over the parts."""
        if self.views is None or not self.placed[item] or self._strangers(query)[0]:
            told = super().explain(query, item)
            by_content = {{"behaviour": "content"}.get(name, name): amount for name, amount in told.parts.items()}
            return replace(told, parts=by_content)  # an item is its parts, whoever liked it
        amounts = self.views.amounts(self._people(query), np.array([item], np.int32))[0, 0]
        parts = {name: float(amount) for name, amount in zip(self.read, amounts, strict=True) if amount}
        score = sum(parts.values())
        return Explanation(score, {}, parts, score)

    def state(self) -> State:
        """The vectors of people and items, and how people see these where each has a way of their own."""
        inner = super().state()
        if self.views is None:
            return inner
        return State({**inner.arrays, **self.views.arrays()}, {**inner.meta, "read": list(self.read)})

    def load_state(self, state: State) -> Self:
        """Take these over."""
        self.views, self.read = Views.load(state), tuple(state.meta.get("read", ()))
        return super().load_state(state)


def _parts(train: Dataset, config: TwoTowerConfig) -> Parts:
    """Return the parts of items that are read, those that some item has.

    Raises:
        DataError: there are none.
    """
    parts = train.item_parts(config.parts)
    ready = {name: table for name, table in parts.items() if table.present.any()}
    if not ready:
        raise DataError(
            f"no item has any of the parts {', '.join(parts)}: this model reads nothing else, so encode some, or choose one that learns "
            "from likes alone, as lightgcn does"
        )
    return ready


def _learns_along(fusion: Fusion) -> TypeGuard[LearnedFusion[Any]]:
    """Tell whether a fusion learns together with the model: from likes, as this does."""
    return isinstance(fusion, LearnedFusion) and fusion.config.learn == "likes"


def _of_width(fusion: Fusion, config: TwoTowerConfig) -> Fusion:
    """Return the fusion at the width of the model, where it is learned with it."""
    if not isinstance(fusion, LearnedFusion):
        return fusion
    given, own = fusion.config, fusion.config.model_dump(exclude_defaults=True)
    twice = sorted(own.keys() & TastesConfig.model_fields.keys())
    if twice and _learns_along(fusion):
        raise ConfigError(
            f"the fusion {fusion.name} was given {twice[0]}={own[twice[0]]}, and learns together with two-tower: give {twice[0]} to the model"
        )
    if "dim" in given.model_fields_set and given.dim != config.dim != TwoTowerConfig.model_fields["dim"].default:
        raise ConfigError(f"the model was given dim={config.dim} and its fusion dim={given.dim}: give one of them")
    if own.get("dim", config.dim) != config.dim and "dim" in config.model_dump(exclude_defaults=True):
        raise ConfigError(f"the model was given dim={config.dim} and its fusion dim={given.dim}: give one of them")
    return fusion if "dim" in own else type(fusion)(given.model_copy(update={"dim": config.dim}))


def _refuse_idle(fusion: Fusion, config: TwoTowerConfig) -> None:
    """Refuse what is done for parts of unequal worth where the model sees no parts, but what a fusion made of them before.

    Raises:
        ConfigError: such a setting was given.
    """
    given = config.model_dump(exclude_defaults=True)
    idle = sorted(given.keys() & (TastesConfig.model_fields.keys() - TrainingConfig.model_fields.keys()))
    if idle and not _learns_along(fusion):
        raise ConfigError(
            f"two-tower was given {idle[0]}={given[idle[0]]}, and the fusion {fusion.name} does not learn together with it: leave "
            f"{idle[0]} out, or choose a fusion that learns from likes, such as mlp"
        )


def _as_given(_: Weights) -> Join:
    """Return the join of one part that is taken as it is."""
    return lambda rows, there: rows["fused"]

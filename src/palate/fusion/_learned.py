"""What the fusions with a network share: what they learn by, how they place things, and how a likeness is divided."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, Self, get_args

import numpy as np
import scipy.sparse as sp
from pydantic import Field, PositiveInt, model_validator

from palate.core.errors import ConfigError, DataError
from palate.core.part import C
from palate.core.state import State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.fusion._base import EarlyFusion, Fitting, Units
from palate.fusion._join import Join, Widths, spread
from palate.fusion._learning import Agreeing, Rebuilding
from palate.fusion._tastes import Tastes, TastesConfig, batches, of_things, taught
from palate.interfaces import Parts
from palate.linalg.standard import trained_parts
from palate.nn import device
from palate.nn._torch import torch
from palate.nn.network import Weights
from palate.training.judge import Judge
from palate.training.samplers import registry as samplers

_EXACT = 7
"""Parts up to which a likeness is divided by all their subsets."""
_ORDERS = 64
"""Orders of parts that are looked at where there are more."""
_PREFIX = "join/"
_OF_LIKES = {
    "loss", "sampler", "negatives", "log_q", "reg", "rebuild", "balance", "balance_items", "mixup", "truncate", "truncate_ramp",
}  # fmt: skip
_IDLE: Mapping[str, set[str]] = {
    "likes": set(),
    "reconstruction": {*_OF_LIKES, "temperature"},
    "contrast": {*_OF_LIKES, "hidden"},
}
"""Settings that do nothing, by what is learned by."""


class LearnedConfig(TastesConfig):
    """How wide, and what is learned by, beside how every network learns."""

    dim: PositiveInt = 64
    """Width of a fused vector."""
    learn: Literal["likes", "reconstruction", "contrast"] = "likes"
    """likes: a person's vector times the fused one foretells what is liked; reconstruction: the parts must follow from the fused
    vector; contrast: what is fused from some parts must be near what is fused from the others."""
    epochs: PositiveInt = 30
    """Passes over the likes, or over the things, at most."""
    lr: float = Field(5e-3, gt=0)
    """Step of Adam."""
    reg: float = Field(0.0, ge=0)
    """Weight of half the squared length of people's vectors that a batch reads, per like."""
    batch_size: PositiveInt = 1024
    """Likes, or things, of a step."""
    loss: str = "sampled-softmax"
    """Of likes: sampled-softmax, bpr, bce, or alignment."""
    sampler: str = "in-batch"
    """What a like is held against: in-batch, uniform, popularity, hard."""
    patience: int = Field(5, ge=0)
    """Stop after so many judgements without a better one, where validation is there; 0 never stops early."""

    @model_validator(mode="after")
    def _acts(self) -> Self:
        given = self.model_dump(exclude_defaults=True)
        for name in sorted(given.keys() & _IDLE[self.learn]):
            others = [
                learn for learn in get_args(type(self).model_fields["learn"].annotation) if name not in _IDLE[learn]
            ]
            raise ConfigError(
                f"{name} was {given[name]}, and with learn={self.learn} it has nothing to act on: leave {name} out"
                + (f", or choose another of learn: {', '.join(others)}" if others else "")
            )
        return self


class LearnedFusion(EarlyFusion[C]):
    """Base of the fusions with a network: `module` is what a new one writes.

    Learned from likes a fused vector keeps what tells people's tastes apart: s_ui = cos(t_u, f_i), by softmax over the batch
    (`_tastes.Tastes`); nothing of t is kept. `module` hands the same network to any model that learns it together with the rest.

    A likeness is divided over parts by Shapley values (Shapley 1953): what a part adds, in the mean over all orders in which the
    parts can come; of more than seven parts over 64 orders.

    Missing data:
        As every early fusion; validation, where there is any, says when to stop.
    Raises:
        DataError: it learns from likes, and nothing that has a part is liked.
    """

    extra: ClassVar[str | None] = "deep"
    config_type: ClassVar[Any] = LearnedConfig
    alone: ClassVar[frozenset[str]] = frozenset({*TastesConfig.model_fields, "dim", "learn"})
    """Names of settings that count only where it is learned by itself."""
    learned: Weights
    join: Join
    epochs: int = 1
    """For how many epochs it learned, where it learned by itself."""

    @abstractmethod
    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add the weights of a join of these parts to a network's; see `Join` for what it reads."""

    @property
    def dim(self) -> int:
        """Width of a fused vector."""
        return int(self._config.dim)

    @property
    def _config(self) -> LearnedConfig:
        return self.config  # type: ignore[return-value]

    def _widths(self) -> Widths:
        return {name: len(standard.mean) for name, standard in self.standards.items()}

    def begun(self, parts: Parts, data: Dataset) -> tuple[Units, Mask]:
        """Return the rows as `module` wants them but for their length, and which parts things have; nothing is learned but the standards.

        Shapes:
            float32[n, d] by part, of length one, zeros where absent; bool[n, m].
        """
        parts, trained = trained_parts(self.name, parts, data)
        self._standardise(parts, trained)
        return self._rows(parts)

    def keep(self, arrays: Mapping[str, Any]) -> Self:
        """Take over the weights of the join, out of those of a network that it was part of; none for those it begins with."""
        self.learned = Weights(np.random.default_rng(0))
        self.join = self.making(self.learned)
        if arrays:
            self.learned.load(dict(arrays))
        return self

    def making(self, weights: Weights) -> Join:
        """Add the weights of the join of the fitted parts to a network's."""
        return self.module(weights, self._widths(), self.dim)

    def _rows(self, parts: Parts) -> tuple[Units, Mask]:
        rows = {name: self.standards[name].units(table.values, table.present) for name, table in parts.items()}
        return rows, np.stack([table.present for table in parts.values()], axis=1)

    def _units(self, parts: Parts, rows: Codes) -> Units:
        """Return rows with NaN where the part is absent, since one that is there may be all zeros."""
        return {
            name: np.where(parts[name].present[rows, None], values, np.float32(np.nan))
            for name, values in super()._units(parts, rows).items()
        }

    def _fit(self, fitting: Fitting) -> None:
        seed = int(fitting.rng.integers(2**32))
        rows, there = self._rows(fitting.parts)
        with device.on(device.device_for()):
            if not any(values.any() for values in rows.values()):
                self.keep({})
            elif self._config.learn == "likes":
                self._by_likes(fitting, rows, there, seed)
            else:
                self._by_parts(fitting, rows, there, seed)

    def _by_likes(self, fitting: Fitting, rows: Units, there: Mask, seed: int) -> None:
        data, valid, config = fitting.data, fitting.valid, self._config
        of = next(iter(fitting.parts.values())).of
        liked = {"items": data.liked, "users": sp.csr_array(data.liked.T)}.get(of)
        if liked is not None:
            liked = of_things(liked, np.asarray(there.any(axis=1)))
        if liked is None or not liked.nnz:
            raise DataError(
                f"{self.name} learns from likes of what has parts, and there are none: say learn=reconstruction or "
                "learn=contrast, which need the parts alone, or take a fusion that learns nothing, such as concat"
            )
        rng = np.random.default_rng(seed)
        network = Tastes(config, liked.shape[0], rows, there, self.making, rng, dim=self.dim)
        judge = Judge(data, valid, config.judge_by) if of == "items" and valid is not None else None
        self._descend(network, liked, there, judge if judge and len(judge.users) else None, seed)

    def _by_parts(self, fitting: Fitting, rows: Units, there: Mask, seed: int) -> None:
        config, rng = self._config, np.random.default_rng(seed)
        known = there.any(axis=1) & (fitting.trained if fitting.trained.any() else True)
        codes = np.flatnonzero(known)
        if config.learn == "contrast" and there[codes].sum(axis=1).max(initial=0) < 2:
            raise DataError(
                f"{self.name} with learn=contrast compares what a thing's parts say, and nothing has two: encode another "
                "part, or say learn=likes or learn=reconstruction"
            )
        network: Any
        if config.learn == "contrast":
            network = Agreeing(rows, there, self.making, rng, temperature=config.temperature)
        else:
            network = self._rebuilding(rows, there, rng)
        everything = sp.csr_array(
            (np.ones(len(codes), np.float32), codes.astype(np.int32), np.array([0, len(codes)])), shape=(1, len(there))
        )
        self._descend(network, everything, there, None, seed)

    def _rebuilding(self, rows: Units, there: Mask, rng: np.random.Generator) -> Any:
        """Return the network that learns by making the parts again."""
        return Rebuilding(rows, there, self.making, rng, dim=self.dim, hidden=self._config.hidden)

    def _descend(self, network: Any, liked: CSR, there: Mask, judge: Judge | None, seed: int) -> None:
        from palate.training.loop import Settings, train

        config = self._config
        kind = samplers.get(config.sampler if config.learn == "likes" else "none")
        drawn = {"count": config.negatives} if "count" in kind.config_type.model_fields else {}
        drawing = batches(config, liked, kind(**drawn), there)
        history = train(taught(config, network, liked), drawing, config, judge, Settings(seed, self.name))
        self.epochs = max(1, history.best_epoch)
        self.keep(network.weights.arrays())

    def _place(self, units: Units) -> Floats:
        size = len(next(iter(units.values())))
        absent = np.float32(np.nan)
        rows = {name: units.get(name, np.full((size, width), absent)) for name, width in self._widths().items()}
        there = np.stack([~np.isnan(values).any(axis=1) for values in rows.values()], axis=1)
        constant = self.learned.constant
        with torch.no_grad():
            given = {name: constant(spread(np.nan_to_num(values))) for name, values in rows.items()}
            joined = self.join(given, constant(there))
            placed = torch.nn.functional.normalize(joined, dim=1).cpu().numpy()
        return np.asarray(placed * there.any(axis=1, keepdims=True), dtype=np.float32)

    def _shares(self, left: Units, right: Units) -> dict[str, Floats]:
        names = list(left)
        known: dict[frozenset[str], Floats] = {frozenset(): np.zeros(len(left[names[0]]), np.float32)}

        def worth(some: frozenset[str]) -> Floats:
            if some not in known:
                mine, yours = (self._place({name: units[name] for name in some}) for units in (left, right))
                known[some] = np.einsum("nd,nd->n", mine, yours)
            return known[some]

        shares = {name: np.zeros_like(known[frozenset()]) for name in names}
        for name, before, weight in _marginals(names):
            shares[name] += np.float32(weight) * (worth(before | {name}) - worth(before))
        return shares

    def settled(self) -> Self:
        """Return one that learns for as many epochs as validation found best, and looks at it no more."""
        chosen = {"epochs": self.epochs, "patience": 0, "seconds": None}
        settled: Any = self._config.model_copy(update=chosen)
        return type(self)(settled)

    def state(self) -> State:
        """The means and deviations, the weights of the network, and for how long they were learned."""
        inner = super().state()
        weights = {f"{_PREFIX}{name}": values for name, values in self.learned.arrays().items()}
        return State({**inner.arrays, **weights}, {**inner.meta, "epochs": self.epochs})

    def load_state(self, state: State) -> Self:
        """Take over the means and deviations, and the weights of the network."""
        super().load_state(state)
        self.epochs = state.meta["epochs"]
        arrays = {
            name.removeprefix(_PREFIX): values for name, values in state.arrays.items() if name.startswith(_PREFIX)
        }
        self.keep(arrays)
        return self


def _marginals(names: list[str]) -> Iterator[tuple[str, frozenset[str], float]]:
    """Yield each part with some that come before it, and how much what it adds to them counts; of each part it adds up to one."""
    count = len(names)
    if count <= _EXACT:
        for name in names:
            others = [other for other in names if other != name]
            for size in range(count):
                weight = math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
                for before in itertools.combinations(others, size):
                    yield name, frozenset(before), weight
        return
    rng = np.random.default_rng(0)
    for _ in range(_ORDERS // 2):
        order = rng.permutation(count)
        for way in (order, order[::-1]):
            for place in range(count):
                yield names[way[place]], frozenset(names[other] for other in way[:place]), 1 / _ORDERS

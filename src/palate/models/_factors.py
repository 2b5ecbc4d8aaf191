"""What factor models share: scores are products of a taste and an item's vector; new items get theirs from content."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from pydantic import PositiveFloat, PositiveInt

from palate.core.errors import ConfigError, MemoryLimitError
from palate.core.rng import generator
from palate.core.state import Array, State
from palate.core.types import CSR, Codes, Floats, Mask
from palate.data.dataset import Dataset
from palate.interfaces import Explanation, Fusion, Queries, Run
from palate.linalg.affine import ridge_map
from palate.linalg.products import ones_where
from palate.models._base import Model
from palate.models._content import ContentConfig, fusion_of, unfitted


class FactorConfig(ContentConfig):
    """What every factor model can be told; `parts` are those that place new items."""

    dim: PositiveInt = 64
    """Width of a vector."""
    content_reg: PositiveFloat = 1.0
    """Holds the map small that gives new items their vectors by content."""
    memory_limit_mb: PositiveInt = 4096
    """Refuse to fit where the vectors of users and items would take more than this many MiB."""


K = TypeVar("K", bound=FactorConfig)


class Learned(NamedTuple):
    """What a factor model makes of the likes.

    Shapes:
        vectors: float32[n_items, dim], what an item answers to a taste; bias: float32[n_items], added to its score.
    """

    vectors: Floats
    bias: Floats


class FactorModel(Model[K]):
    """Base of the factor models: score(u, j) = <t_u, v_j> + b_j, where the taste t_u follows from a history alone.

    An item that nobody liked has the vector (and the bias) that a ridge map from its fused parts gives, learned on the
    items that were liked and have parts (Gantner et al. 2010), each of which counts as many times as it was liked: what
    is known of an item of few likes is near nothing, and a map that learned from these would give the new ones nothing
    too. A new item is scored, and speaks where it was liked, as others do.

    Missing data:
        NaN for items that nobody liked and that have no part, and for users of whom no liked item has a vector.
    """

    accepts = frozenset({"features"})

    fusion: Fusion
    vectors: Floats
    bias: Floats
    warm: Mask
    """Which items were liked in training."""
    placed: Mask
    """Which have a vector: these, and those that have one by content."""

    def __init__(self, config: K | None = None, /, *, fusion: Fusion | None = None, **settings: Any) -> None:
        super().__init__(config, **settings)
        self.fusion = fusion_of(self.name, self.config, fusion)

    def spec(self) -> dict[str, Any]:
        """Return the name, the settings and the fusion."""
        fusion = {"name": self.fusion.name, "settings": self.fusion.config.model_dump(mode="json")}
        return {**super().spec(), "fusion": fusion}

    @abstractmethod
    def _learn(self, train: Dataset, run: Run) -> Learned: ...

    @abstractmethod
    def _tastes(self, history: CSR) -> Floats:
        """Return float32[q, dim] for histories of placed items."""

    @abstractmethod
    def _amounts(self, history: Codes, item: int) -> Floats:
        """Return what each of a history of placed items adds to <t, v_item>; float32[h]."""

    def _fit(self, train: Dataset, valid: Dataset | None, run: Run) -> None:
        self._refuse_too_much(len(train.users), len(train.items))
        self.warm = np.bincount(train.liked.indices, minlength=len(train.items)) > 0
        self.vectors, self.bias = self._learn(train, run)
        self.check_finite(self.vectors, self.bias)
        self.placed = self.warm.copy()
        self._place_new(train, run)

    def _refuse_too_much(self, users: int, items: int) -> None:
        needed = round(12 * self.config.dim * (users + items) / (1 << 20))
        if needed > self.config.memory_limit_mb:
            raise MemoryLimitError(
                f"{self.name} would take {needed:,} MB for {users:,} users and {items:,} items with dim="
                f"{self.config.dim}, and memory_limit_mb is {self.config.memory_limit_mb:,}: give a smaller dim, or "
                "raise the limit"
            )

    def check_finite(self, *arrays: Floats) -> None:
        """Refuse what has left the range of numbers.

        Raises:
            ConfigError: with the settings that hold it there.
        """
        if not all(np.isfinite(array).all() for array in arrays):
            held = ", ".join(
                f"{key}={getattr(self.config, key):g}" for key in ("lr", "reg", "alpha") if hasattr(self.config, key)
            )
            raise ConfigError(f"the vectors of {self.name} grew beyond all numbers with {held}: give smaller ones")

    def _place_new(self, train: Dataset, run: Run) -> None:
        """Give items that nobody liked a vector by content, where there is any."""
        if self.config.parts is None and not train.part_names():
            return
        parts = train.item_parts(self.config.parts)
        fusion = unfitted(self.fusion, self.config, parts)
        table = fusion.fit(parts, train, generator(run.seed, "fusion")).fuse(parts)
        known, new = np.flatnonzero(self.warm & table.present), np.flatnonzero(table.present & ~self.warm)
        if not len(known) or not len(new):
            return
        targets = np.concatenate([self.vectors[known], self.bias[known, None]], axis=1)
        likes = np.bincount(train.liked.indices, minlength=len(train.items))[known].astype(np.float32)
        images = ridge_map(table.values[known], targets, self.config.content_reg, likes)(table.values[new])
        self.vectors[new], self.bias[new] = images[:, :-1], images[:, -1]
        self.placed[new] = True

    def score(self, queries: Queries, items: Codes | None = None) -> Floats:
        """Return products of tastes and vectors, and biases; float32[q, n]."""
        history = ones_where(queries.history, self.placed)
        chosen = slice(None) if items is None else items
        scores = self._tastes(history) @ self.vectors[chosen].T
        scores += np.where(self.placed, self.bias, np.float32(np.nan))[chosen]
        scores[np.diff(history.indptr) == 0] = np.nan
        return scores

    def explain(self, query: Queries, item: int) -> Explanation:
        """Divide a score over what was liked; the item's bias is shared evenly. What content alone says is called so."""
        history = query.history.indices[self.placed[query.history.indices]].astype(np.int32)
        if not len(history) or not self.placed[item]:
            return Explanation(np.nan)
        amounts = self._amounts(history, item) + self.bias[item] / len(history)
        score = float(amounts.sum())
        liked = dict(zip(history.tolist(), amounts.tolist(), strict=True))
        return Explanation(score, liked, {"behaviour" if self.warm[item] else "content": score})

    def state(self) -> State:
        """The vectors and biases of items, and which of them come from likes and which from content."""
        arrays: dict[str, Array] = {
            "vectors": self.vectors, "bias": self.bias, "warm": self.warm, "placed": self.placed,
        }  # fmt: skip
        return State(arrays)

    def load_state(self, state: State) -> Self:
        """Take over the vectors and biases of items."""
        arrays = state.arrays
        self.vectors, self.bias, self.warm, self.placed = (
            arrays[name] for name in ("vectors", "bias", "warm", "placed")
        )
        return self

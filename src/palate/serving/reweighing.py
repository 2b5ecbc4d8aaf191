"""A model by content in which parts count more or less than they did when it was fitted."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from palate.core.errors import ConfigError, MemoryLimitError, did_you_mean
from palate.fusion._slots import SlotFusion
from palate.models import Model
from palate.models.content_knn import ContentKNN
from palate.models.ensemble import Ensemble
from palate.models.vector_space import VectorSpace
from palate.serving.newcomers import WithNewcomers

_KEPT = 8
"""How many are kept for the next who asks for the same."""
_DEAREST = 1 << 38
"""Products that comparing all items anew may take: some ten seconds on one core."""
Weights = tuple[tuple[str, float], ...]


class Reweighed:
    """Makes and keeps such models; several threads may ask, and one is made at a time.

    The fused vectors are made anew with each part's slot scaled, as if the model had been given these weights, and
    `content-knn` compares items by them; nothing is learned again.
    """

    def __init__(self, model: Model[Any]) -> None:
        self.model = model
        self._kept: OrderedDict[Weights, Model[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def over(self, model: Model[Any]) -> Reweighed:
        """Return the same for the same model with other newcomers, by what was made already."""
        other = copy.copy(self)
        other.model = model
        return other

    def __call__(self, weights: Weights) -> Model[Any]:
        """Return the model in which each part counts so many times as much; the model itself where nothing changes.

        Raises:
            ConfigError: its scores do not come from parts that can be weighed, a part is unknown, or nothing would count.
            MemoryLimitError: there are too many items to compare them anew.
        """
        factors = dict(weights)
        parts = _parts(self.model)
        if not parts:
            raise ConfigError(
                f"{self.model.name} cannot weigh parts when it is asked, since its scores do not come straight from them: "
                "content-knn and vector-space can, with the fusion concat or weighted, and an ensemble of which one is a member"
            )
        for name in factors:
            if name not in parts:
                raise ConfigError(f"there is no part '{name}' to weigh: {did_you_mean(name, parts)}")
        key = tuple(sorted((name, factor) for name, factor in factors.items() if factor != 1))
        if not key:
            return self.model
        new = self.model if isinstance(self.model, WithNewcomers) else None
        with self._lock:
            if key not in self._kept:
                self._kept[key] = _reweighed(self.model if new is None else new.model, factors)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            made = self._kept[key]
        return made if new is None else new.over(made)


def _parts(model: Model[Any]) -> set[str]:
    if isinstance(model, WithNewcomers):
        return _parts(model.model)
    if isinstance(model, Ensemble):
        return set().union(*map(_parts, model.members.values()))
    if isinstance(model, (ContentKNN, VectorSpace)) and isinstance(model.fusion, SlotFusion):
        return set(model.parts)
    return set()


def _reweighed(model: Model[Any], factors: Mapping[str, float]) -> Model[Any]:
    if isinstance(model, Ensemble):
        ensemble = copy.copy(model)
        ensemble.members = {
            name: _reweighed(member, factors) if _parts(member) & factors.keys() else member
            for name, member in model.members.items()
        }
        return ensemble
    assert isinstance(model, (ContentKNN, VectorSpace))
    fusion = copy.copy(model.fusion)
    assert isinstance(fusion, SlotFusion)
    fusion.weights = {name: weight * factors.get(name, 1.0) for name, weight in fusion.weights.items()}
    if not any(fusion.weights.values()):
        raise ConfigError(f"the weights leave no part of {', '.join(model.parts)}: let one of them count")
    n = len(model.items)
    if isinstance(model, ContentKNN) and n * n * fusion.dim > _DEAREST:
        raise MemoryLimitError(
            f"content-knn would have to compare {n:,} items anew, which takes too long while somebody waits: train it with "
            "these weights, or take vector-space"
        )
    other = copy.copy(model)
    other.fusion = fusion
    return other.reading(model.parts)

"""How items that everyone sees in their own way are scored without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from palate.core.state import Array, State
from palate.core.types import Codes, Floats, Mask
from palate.fusion._personal import Personal
from palate.fusion._tastes import Tastes
from palate.linalg.neighbours import unit_rows
from palate.nn._torch import torch

_PEOPLE = 64
_NAMES = ("keys", "values", "there", "query")


@dataclass(frozen=True, eq=False)
class Views:
    """What `fusion._personal.Personal` makes of all items.

    Shapes:
        keys, values: float32[n, m, d]; there: bool[n, m]; query: float32[d, d].
    """

    keys: Floats
    values: Floats
    there: Mask
    query: Floats

    @classmethod
    def of(cls, network: Tastes) -> Self | None:
        """Take the views from a trained network; None where its join sees things alike for all."""
        join = network.things.join
        if not isinstance(join, Personal):
            return None
        with torch.no_grad():
            views = [join.views(*block) for block in network.blocks()]
            keys, values = (torch.cat(side).cpu().numpy() for side in zip(*views, strict=True))
            return cls(keys, values, network.things.there.cpu().numpy(), join.ask.weight.detach().cpu().numpy())

    def amounts(self, people: Floats, items: Codes | slice) -> Floats:
        """Return what each part adds to the score of each item; float32[q, d] -> float32[q, n, m]."""
        keys, values, there = self.keys[items], self.values[items], self.there[items]
        size, count, dim = keys.shape
        people = unit_rows(people)
        asked = people @ self.query.T / np.float32(np.sqrt(dim))
        strength = (asked @ keys.reshape(-1, dim).T).reshape(-1, size, count)
        strength[:, ~there] = -np.inf
        highest = strength.max(axis=2, keepdims=True)
        raised = np.exp(strength - np.where(np.isfinite(highest), highest, 0))
        share = raised / np.maximum(raised.sum(axis=2, keepdims=True), 1e-30)
        told = (people @ values.reshape(-1, dim).T).reshape(-1, size, count)
        return np.asarray(share * told, dtype=np.float32)

    def scores(self, people: Floats, items: Codes | slice) -> Floats:
        """Return the scores of items for people; float32[q, d] -> float32[q, n]."""
        some = [self.amounts(people[start : start + _PEOPLE], items).sum(2) for start in range(0, len(people), _PEOPLE)]
        return np.concatenate(some) if some else np.zeros((0, len(self.keys[items])), np.float32)

    def arrays(self) -> dict[str, Array]:
        """Return what is saved."""
        return {f"views.{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def load(cls, state: State) -> Self | None:
        """Take over what `arrays` returned; None where nothing of it was saved."""
        if "views.keys" not in state.arrays:
            return None
        return cls(*(state.arrays[f"views.{name}"] for name in _NAMES))

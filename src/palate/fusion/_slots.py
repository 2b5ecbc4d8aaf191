"""Fusions that give every part its own slot in the vector, scaled by the root of its weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np

from palate.core.part import C
from palate.core.state import State
from palate.core.types import Floats
from palate.fusion._base import EarlyFusion, Units


class SlotFusion(EarlyFusion[C]):
    """Parts side by side: cos(a, b) = sum of w_p <a_p, b_p> over parts that both have, by the lengths.

    The length of a row is the root of the summed weights of the parts that it has.
    """

    weights: dict[str, float]
    """By part name; 0 leaves a part out."""

    @property
    def dim(self) -> int:
        """The widths of all parts together."""
        return sum(self._widths().values())

    def _widths(self) -> Mapping[str, int]:
        return {name: len(standard.mean) for name, standard in self.standards.items() if self._counts(name)}

    def _counts(self, name: str) -> bool:
        return self.weights[name] > 0

    def _place(self, units: Units) -> Floats:
        rows = len(next(iter(units.values()))) if units else 0
        blocks = [
            units[name] * np.float32(np.sqrt(self.weights[name]))
            if name in units
            else np.zeros((rows, width), np.float32)
            for name, width in self._widths().items()
        ]
        return np.concatenate(blocks, axis=1)

    def _shares(self, left: Units, right: Units) -> dict[str, Floats]:
        return {name: np.float32(self.weights[name]) * np.einsum("nd,nd->n", left[name], right[name]) for name in left}

    def state(self) -> State:
        """The means, the deviations and the weights."""
        inner = super().state()
        return State(inner.arrays, {**inner.meta, "weights": dict(self.weights)})

    def load_state(self, state: State) -> Self:
        """Take over the means, the deviations and the weights."""
        self.weights = dict(state.meta["weights"])
        return super().load_state(state)

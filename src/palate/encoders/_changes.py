"""What fine-tuning adds to an encoder's vectors: a network of torch while it learns, and the same in numpy afterwards.

Each begins as nothing at all: the last of its layers is zero, so that the first vectors are those of the frozen encoder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from palate.core.types import Floats
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights

Learned = Mapping[str, Floats]
"""What was learned, by name."""
Changing = Callable[[Tensor, Tensor | None], Tensor]
"""Rows as they enter, float32[b, dim], and hidden states where they are read, to what is added to the rows."""


@dataclass(frozen=True)
class Change(ABC):
    """Base of these networks: `built` and `applied` are what a new one writes, and they say the same.

    Shapes:
        dim: numbers of a vector; hidden: of the bottleneck.
    """

    method: ClassVar[str]
    dim: int
    hidden: int

    @abstractmethod
    def built(self, weights: Weights) -> Changing:
        """Add what is learned; return what makes of rows that enter what is added to them."""

    @abstractmethod
    def applied(self, learned: Learned, rows: Floats, states: Floats | None) -> Floats:
        """Return what the network would; float32[b, dim]."""


@dataclass(frozen=True)
class Bottleneck(Change):
    """Two layers with few numbers between: W_2 relu(W_1 x + b_1) + b_2 (Houlsby et al. 2019, figure 2, with a relu)."""

    method = "adapter"

    def built(self, weights: Weights) -> Changing:
        """Add both layers."""
        change = bottleneck(weights, "adapter", self.dim, self.hidden)
        return lambda rows, states: change(rows)

    def applied(self, learned: Learned, rows: Floats, states: Floats | None) -> Floats:
        """Return what the network would."""
        return squeezed(learned, "adapter", rows)


def bottleneck(weights: Weights, name: str, dim: int, hidden: int) -> Callable[[Tensor], Tensor]:
    """Add a layer to few numbers and a layer back, which begins at zero."""
    down = weights.linear(f"{name}.down", dim, hidden)
    up = zeroed(weights.linear(f"{name}.up", hidden, dim))
    return lambda rows: up(torch.relu(down(rows)))


def squeezed(learned: Learned, name: str, rows: Floats) -> Floats:
    """Return what `bottleneck` makes of rows."""
    return linear(learned, f"{name}.up", np.maximum(linear(learned, f"{name}.down", rows), 0))


def zeroed(layer: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a layer whose weights are set to zero."""
    torch.nn.init.zeros_(layer.weight)  # type: ignore[attr-defined]
    return layer


def linear(learned: Learned, name: str, rows: Floats) -> Floats:
    """Return W x + b; float32[b, inner] -> float32[b, outer]."""
    return np.asarray(rows @ learned[f"{name}.weight"].T + learned[f"{name}.bias"], dtype=np.float32)


@dataclass(frozen=True)
class Side(Change):
    """Adapters from layer to layer beside a network that stays as it is, each reading what lies behind its layer.

    s_0 = a_0(h_0), s_l = a_l(g_l s_l-1 + (1 - g_l) h_l) with a_l(x) = x + bottleneck_l(x), g_l between 0 and 1 and h_l the pooled,
    standardised state; W s_L + b is added to the vector. After the side network of IISAN inside one modality (Fu et al. 2024,
    arXiv:2404.02059), with a residual way around it. No gradient goes through the network that made the states.

    Shapes:
        states: float32[b, n, width], of the n `layers` that are read, given by their number in the network.
    """

    method = "side"
    width: int
    layers: tuple[int, ...]

    def built(self, weights: Weights) -> Changing:
        """Add an adapter and a gate for each layer that is read, and the layer that leads out."""
        blocks = [bottleneck(weights, f"layer.{place}", self.width, self.hidden) for place in range(len(self.layers))]
        gates = weights.put("gates", np.zeros(len(self.layers), np.float32))
        out = zeroed(weights.linear("out", self.width, self.dim))

        def change(rows: Tensor, states: Tensor) -> Tensor:
            side = states[:, 0] + blocks[0](states[:, 0])
            for place, block in enumerate(blocks[1:], 1):
                gate = torch.sigmoid(gates[place])
                mixed = gate * side + (1 - gate) * states[:, place]
                side = mixed + block(mixed)
            return out(side)

        return change

    def applied(self, learned: Learned, rows: Floats, states: Floats | None) -> Floats:
        """Return what the network would."""
        assert states is not None
        gates = 1 / (1 + np.exp(-learned["gates"]))
        side = states[:, 0] + squeezed(learned, "layer.0", states[:, 0])
        for place, gate in enumerate(gates[1:], 1):
            mixed = gate * side + (1 - gate) * states[:, place]
            side = mixed + squeezed(learned, f"layer.{place}", mixed)
        return linear(learned, "out", side)


CHANGES: Mapping[str, type[Change]] = {kind.method: kind for kind in (Bottleneck, Side)}
"""What can be learned, by method."""

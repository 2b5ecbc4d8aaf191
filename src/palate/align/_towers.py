"""How the row of a part becomes one vector: a network of torch while it learns, and the same in numpy afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from palate.core.types import Floats
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


@dataclass(frozen=True)
class Tower(ABC):
    """Base of the towers: `built` and `applied` are what a new one writes, and they say the same.

    Shapes:
        width: numbers of a row; hidden: of the layer between; dim: of the vector that comes out.
    """

    width: int
    hidden: int
    dim: int

    @abstractmethod
    def built(self, weights: Weights, name: str) -> Callable[[Tensor], Tensor]:
        """Add what is learned under a name; return what makes float32[b, dim] of float32[b, width]."""

    @abstractmethod
    def applied(self, learned: Mapping[str, Floats], rows: Floats) -> Floats:
        """Return float32[b, dim] for float32[b, width]; `learned` is by name, without the one that was given."""


@dataclass(frozen=True)
class Dense(Tower):
    """One hidden layer: W_2 relu(W_1 x + b_1) + b_2."""

    def built(self, weights: Weights, name: str) -> Callable[[Tensor], Tensor]:
        """Add two linear layers."""
        inner, outer = weights.linear(f"{name}.inner", self.width, self.hidden), _outer(self, weights, name)
        return lambda rows: outer(torch.relu(inner(rows)))

    def applied(self, learned: Mapping[str, Floats], rows: Floats) -> Floats:
        """Return what the network would."""
        return linear(learned, "outer", np.maximum(linear(learned, "inner", rows), 0))


@dataclass(frozen=True)
class Convolution(Tower):
    """Filters over the steps of a sequence, each at its strongest: W_2 max over t of relu(W_1 x[t - k/2 : t + k/2] + b_1) + b_2.

    Kim 2014, equations 2 and 3, without dropout; before the first step and after the last there are zeros, so that a single step
    makes it `Dense`.
    """

    steps: int
    kernel: int

    def built(self, weights: Weights, name: str) -> Callable[[Tensor], Tensor]:
        """Add the filters, kernel * numbers of a step each, and a linear layer."""
        inner = weights.linear(f"{name}.inner", self.width // self.steps * self.kernel, self.hidden)
        outer = _outer(self, weights, name)

        def tower(rows: Tensor) -> Tensor:
            sequence = torch.nn.functional.pad(rows.view(len(rows), self.steps, -1), (0, 0, *self._beyond))
            windows = sequence.unfold(1, self.kernel, 1).flatten(2)  # float32[b, steps, width / steps * kernel]
            return outer(torch.relu(inner(windows)).amax(1))

        return tower

    def applied(self, learned: Mapping[str, Floats], rows: Floats) -> Floats:
        """Return what the network would."""
        sequence = np.pad(rows.reshape(len(rows), self.steps, -1), ((0, 0), self._beyond, (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(sequence, self.kernel, axis=1)
        found = linear(learned, "inner", windows.reshape(len(rows), self.steps, -1))
        return linear(learned, "outer", np.maximum(found, 0).max(axis=1))

    @property
    def _beyond(self) -> tuple[int, int]:
        return self.kernel // 2, (self.kernel - 1) // 2


@dataclass(frozen=True)
class Gated(Tower):
    """A gated recurrent unit over the steps of a sequence, and a linear layer over where it ends.

    r = sigmoid(W_r x + b_r + U_r h), z = sigmoid(W_z x + b_z + U_z h), n = tanh(W_n x + b_n + r * (U_n h + c)),
    h' = (1 - z) * n + z * h, from h = 0 (Cho et al. 2014, section 2.3, with the place of r that torch.nn.GRU has).
    """

    steps: int

    def built(self, weights: Weights, name: str) -> Callable[[Tensor], Tensor]:
        """Add the gates, in the order r, z, n, and a linear layer."""
        given = weights.linear(f"{name}.given", self.width // self.steps, 3 * self.hidden)
        kept = weights.linear(f"{name}.kept", self.hidden, 3 * self.hidden, bias=False)
        bias = weights.put(f"{name}.kept.bias", np.zeros(self.hidden, np.float32))
        outer = _outer(self, weights, name)

        def tower(rows: Tensor) -> Tensor:
            said = given(rows.view(len(rows), self.steps, -1))
            h = said.new_zeros(len(rows), self.hidden)
            for step in range(self.steps):
                r, z, n = said[:, step].chunk(3, dim=1)
                old_r, old_z, old_n = kept(h).chunk(3, dim=1)
                z = torch.sigmoid(z + old_z)
                n = torch.tanh(n + torch.sigmoid(r + old_r) * (old_n + bias))
                h = n + z * (h - n)
            return outer(h)

        return tower

    def applied(self, learned: Mapping[str, Floats], rows: Floats) -> Floats:
        """Return what the network would."""
        said = linear(learned, "given", rows.reshape(len(rows), self.steps, -1))
        h = np.zeros((len(rows), self.hidden), np.float32)
        for step in range(self.steps):
            r, z, n = np.split(said[:, step], 3, axis=1)
            old_r, old_z, old_n = np.split(h @ learned["kept.weight"].T, 3, axis=1)
            z = _sigmoid(z + old_z)
            n = np.tanh(n + _sigmoid(r + old_r) * (old_n + learned["kept.bias"]))
            h = n + z * (h - n)
        return linear(learned, "outer", h)


def _outer(tower: Tower, weights: Weights, name: str) -> Callable[[Tensor], Tensor]:
    layer: Callable[[Tensor], Tensor] = weights.linear(f"{name}.outer", tower.hidden, tower.dim)
    return layer


def linear(learned: Mapping[str, Floats], name: str, rows: Floats) -> Floats:
    """Return W x + b; float32[..., inner] -> float32[..., outer]."""
    return np.asarray(rows @ learned[f"{name}.weight"].T + learned[f"{name}.bias"], dtype=np.float32)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * x) + 1), dtype=np.float32)

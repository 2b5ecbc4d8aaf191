"""What every network has: named weights, made from seeded numbers, and a place for what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np

from palate.core.types import Floats
from palate.nn._torch import Tensor, torch

L = TypeVar("L")


class Weights:
    """The learned tensors of a network, by name, those of torch layers among them. Any text is a name, once.

    First values come from numpy, so that a seed gives the same network on every device; they live on the one that is set
    (`palate.nn.device.on`).
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.device = rng, torch.get_default_device()
        self.named: dict[str, Tensor] = {}

    def table(self, name: str, rows: int, dim: int) -> Tensor:
        """Add rows of vectors, float32[rows, dim], uniform as Glorot and Bengio 2010 (equation 16) would have it."""
        bound = np.sqrt(6 / (rows + dim))
        return self.put(name, self.rng.uniform(-bound, bound, size=(rows, dim)).astype(np.float32))

    def put(self, name: str, values: Floats) -> Tensor:
        """Add a tensor with these first values."""
        return self._added(name, torch.nn.Parameter(torch.from_numpy(np.ascontiguousarray(values)).to(self.device)))

    def linear(self, name: str, inner: int, outer: int, *, bias: bool = True) -> Any:
        """Add a linear layer, inner numbers in and outer out."""
        layer = torch.nn.utils.skip_init(torch.nn.Linear, inner, outer, bias=bias, device=self.device)
        bound = np.sqrt(6 / (inner + outer))
        with torch.no_grad():
            first = self.rng.uniform(-bound, bound, size=(outer, inner)).astype(np.float32)
            layer.weight.copy_(torch.from_numpy(first))
            if bias:
                layer.bias.zero_()
        for kind, parameter in layer.named_parameters():
            self._added(f"{name}.{kind}", parameter)
        return layer

    def _added(self, name: str, parameter: Tensor) -> Tensor:
        if name in self.named:
            raise ValueError(f"the network has two weights called '{name}', of which one would not be learned")
        self.named[name] = parameter
        return parameter

    def parameters(self) -> Iterator[Tensor]:
        """Yield every learned tensor."""
        yield from self.named.values()

    def constant(self, values: Any) -> Tensor:
        """Return numbers that are read and not learned, on the device of the weights."""
        return torch.as_tensor(values, device=self.device)

    def arrays(self) -> dict[str, Any]:
        """Return a copy of every learned tensor as an array."""
        return {name: value.detach().cpu().numpy().copy() for name, value in self.named.items()}

    def load(self, arrays: dict[str, Any]) -> None:
        """Take over what `arrays` returned."""
        with torch.no_grad():
            for name, parameter in self.named.items():
                parameter.copy_(torch.from_numpy(arrays[name]))

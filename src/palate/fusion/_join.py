"""What makes one vector of several in a network: the protocol, and the tokens that most begin with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from palate.core.types import Floats
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights

Widths = Mapping[str, int]
"""Numbers of each part, by name in sorted order."""


class Join(Protocol):
    """Several vectors of a thing to one; it has added its weights to those of a network."""

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        """Return one vector for each thing.

        Shapes:
            rows: float32[b, d] by part, sorted by name, on the scale of standardised numbers, zeros where absent;
            there: bool[b, m], which parts a thing has -> float32[b, dim].
        """
        ...


class Tokens:
    """Each part by a linear map of its own to one token; zeros where it is absent."""

    def __init__(self, weights: Weights, widths: Widths, dim: int, *, bias: bool = True, label: str = "token") -> None:
        self.maps = {name: weights.linear(f"{label} {name}", width, dim, bias=bias) for name, width in widths.items()}

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        """Return the tokens; float32[b, m, dim]."""
        return torch.stack([layer(rows[name]) for name, layer in self.maps.items()], dim=1) * there[:, :, None]


def spread(values: Floats) -> Floats:
    """Return rows of length one on the scale of standardised numbers: of length sqrt(d)."""
    return values * np.float32(np.sqrt(values.shape[1]))


def averaged(tokens: Tensor, there: Tensor) -> Tensor:
    """Return the mean of the tokens that are there; float32[b, m, dim] -> float32[b, dim]."""
    return (tokens * there[:, :, None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1)


def attended(strength: Tensor, there: Tensor) -> Tensor:
    """Return weights of the parts that are there, by softmax; zeros where a thing has none.

    Shapes:
        strength: float32[..., m]; there: bool that broadcasts to it.
    """
    lowest = torch.finfo(strength.dtype).min
    return torch.softmax(strength.masked_fill(~there, lowest), dim=-1) * there


def masked(rows: Mapping[str, Tensor], there: Tensor) -> dict[str, Tensor]:
    """Return the rows with zeros where a part is not there; there: bool[b, m]."""
    return {name: values * there[:, number, None] for number, (name, values) in enumerate(rows.items())}

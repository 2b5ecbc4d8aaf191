"""A network over the parts side by side."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field, PositiveInt

from palate.fusion._join import Join, Tokens, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class MLPConfig(LearnedConfig):
    """How deep, beside what every learned fusion can be told."""

    layers: tuple[PositiveInt, ...] = Field((128,), min_length=1, max_length=4)
    """Widths of the hidden layers."""


class MLP(LearnedFusion[MLPConfig]):
    """Read all parts side by side by a network with hidden layers, and say what they mean together.

    f = W_2 relu(sum over the parts p that are there of (W_p x_p + b_p)) + b, with more layers where asked for (Ngiam et al. 2011 join modalities by a
    shared hidden layer). It can learn what two parts mean together and neither alone.

    Missing data:
        An absent part adds nothing, its b_p neither, so that the network can tell.
    """

    name = "mlp"
    config_type = MLPConfig
    paper: ClassVar[str] = "Ngiam et al. 2011"
    cost: ClassVar[str] = "w h per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a hidden layer over all parts, further ones, and the one that is read out."""
        return Layers(weights, widths, dim, self.config.layers)


class Layers:
    """All parts side by side, and a network with hidden layers over them."""

    def __init__(self, weights: Weights, widths: Widths, dim: int, layers: tuple[int, ...]) -> None:
        self.enter = Tokens(weights, widths, layers[0])
        sizes = [*layers, dim]
        self.deeper = [
            weights.linear(f"layer {number}", inner, outer)
            for number, (inner, outer) in enumerate(itertools.pairwise(sizes))
        ]

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        """Return what is read out; float32[b, dim]."""
        hidden = self.enter(rows, there).sum(1)
        for layer in self.deeper:
            hidden = layer(torch.relu(hidden))
        return hidden

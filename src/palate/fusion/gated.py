"""Gates that decide, number by number, which part is let through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from palate.fusion._join import Join, Tokens, Widths, masked
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class Gated(LearnedFusion[LearnedConfig]):
    """Let each part through a gate for each number of the vector, opened by all parts together.

    f = sum over p of z_p * h_p, h_p = tanh(W_p x_p + b_p), z_p = sigmoid(U_p [x_1; x_2; ...]) (the gated multimodal unit of Arevalo et
    al. 2017, equations 1 to 6, in its form for any number of modalities).

    Missing data:
        An absent part is not let through, and opens no gate.
    """

    name = "gated"
    config_type = LearnedConfig
    paper: ClassVar[str] = "Arevalo et al. 2017"
    cost: ClassVar[str] = "m w k per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map and a gate for each part."""
        return _Gates(weights, widths, dim)


class _Gates:
    def __init__(self, weights: Weights, widths: Widths, dim: int) -> None:
        self.tokens = Tokens(weights, widths, dim)
        self.openers = [
            weights.linear(f"gates by {name}", width, dim * len(widths), bias=False) for name, width in widths.items()
        ]

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        said = torch.tanh(self.tokens(rows, there))
        opened = sum(layer(values) for layer, values in zip(self.openers, masked(rows, there).values(), strict=True))
        return (torch.sigmoid(opened).view(said.shape) * said).sum(1)

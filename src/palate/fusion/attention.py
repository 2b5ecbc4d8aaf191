"""Weights of the parts, thing by thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from palate.fusion._join import Join, Tokens, Widths, attended
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class Attention(LearnedFusion[LearnedConfig]):
    """Weigh a thing's parts by what they say, and add them up.

    f = sum over p of a_p t_p, t_p = W_p x_p + b_p, a = softmax over the parts that are there of q . tanh(V t_p + c) (additive attention
    of Bahdanau et al. 2015 with a learned query).

    Missing data:
        The weights of the parts that a thing has add up to one.
    """

    name = "attention"
    config_type = LearnedConfig
    paper: ClassVar[str] = "Bahdanau et al. 2015"
    cost: ClassVar[str] = "w k + m k² per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map for each part, and what weighs them."""
        return _Weighing(weights, widths, dim)


class _Weighing:
    def __init__(self, weights: Weights, widths: Widths, dim: int) -> None:
        self.tokens = Tokens(weights, widths, dim)
        self.key, self.query = weights.linear("key", dim, dim), weights.linear("query", dim, 1, bias=False)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        tokens = self.tokens(rows, there)
        strength = self.query(torch.tanh(self.key(tokens)))[:, :, 0]
        return (attended(strength, there)[:, :, None] * tokens).sum(1)

"""Self-attention between the parts of a thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveInt

from palate.core.errors import ConfigError
from palate.fusion._join import Join, Tokens, Widths, averaged
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class TransformerConfig(LearnedConfig):
    """How deep, beside what every learned fusion can be told."""

    layers: PositiveInt = 2
    """Layers of self-attention and a small network each."""
    heads: PositiveInt = 4
    """Views that each layer takes; the width must be a multiple of it."""


class Transformer(LearnedFusion[TransformerConfig]):
    """Let a thing's parts look at each other, each as a token, and average what becomes of them.

    t <- t + A(norm(t)), then t <- t + W_2 gelu(W_1 norm(t)), layer by layer, where A is attention over the parts that are there (Vaswani et
    al. 2017, equation 1, with several heads; norms before the blocks as in Xiong et al. 2020); f = R mean of norm(t).

    Missing data:
        Nobody looks at an absent part, and it does not count in the mean.
    Raises:
        ConfigError: the width is no multiple of the heads.
    """

    name = "transformer"
    config_type = TransformerConfig
    paper: ClassVar[str] = "Vaswani et al. 2017"
    cost: ClassVar[str] = "w k + l m (12 k² + m k) per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map for each part, the layers, and what reads them out."""
        if dim % self.config.heads:
            raise ConfigError(f"the width is {dim} and the heads are {self.config.heads}: choose heads that divide it")
        return _Layers(weights, widths, dim, self.config)


class _Layers:
    def __init__(self, weights: Weights, widths: Widths, dim: int, config: TransformerConfig) -> None:
        self.tokens, self.heads = Tokens(weights, widths, dim), config.heads
        self.blocks = [
            (
                weights.linear(f"looking {number}", dim, 3 * dim),
                weights.linear(f"seen {number}", dim, dim),
                weights.linear(f"inner {number}", dim, 4 * dim),
                weights.linear(f"outer {number}", 4 * dim, dim),
            )
            for number in range(config.layers)
        ]
        self.read = weights.linear("read", dim, dim)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        tokens = self.tokens(rows, there)
        for looking, seen, inner, outer in self.blocks:
            tokens = tokens + seen(self._looked(looking(_norm(tokens)), there))
            tokens = tokens + outer(torch.nn.functional.gelu(inner(_norm(tokens))))
        return self.read(averaged(_norm(tokens), there))

    def _looked(self, mixed: Tensor, there: Tensor) -> Tensor:
        """Return for each token what it sees; float32[b, m, 3 dim] -> float32[b, m, dim]."""
        size, count, _ = mixed.shape
        query, key, value = mixed.view(size, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        allowed = (there | ~there.any(1, keepdim=True))[:, None, None]
        seen = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        return seen.transpose(1, 2).reshape(size, count, -1)


def _norm(tokens: Tensor) -> Tensor:
    return torch.nn.functional.layer_norm(tokens, tokens.shape[-1:])

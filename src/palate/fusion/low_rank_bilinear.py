"""Products of what the parts say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import PositiveInt

from palate.fusion._join import Join, Tokens, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor
from palate.nn.network import Weights


class LowRankBilinearConfig(LearnedConfig):
    """How many products, beside what every learned fusion can be told."""

    rank: PositiveInt = 128
    """Products of all parts that are formed."""


class LowRankBilinear(LearnedFusion[LowRankBilinearConfig]):
    """Multiply the parts' projections number by number, so that what two of them mean together counts.

    f = P z + c, z_r = product over p of (b_pr + W_p x_p)_r (low-rank multimodal fusion of Liu et al. 2018, equations 6 and 7, where the
    1 that is appended to each part is the b here; for two parts the low-rank bilinear pooling of Kim et al. 2017). The constants let
    products of fewer parts, down to single ones, take part.

    Missing data:
        An absent part's factor is its b alone.
    """

    name = "low-rank-bilinear"
    config_type = LowRankBilinearConfig
    paper: ClassVar[str] = "Kim et al. 2017; Liu et al. 2018"
    cost: ClassVar[str] = "(w + k) r per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add the factors of each part, and what reads the products."""
        return _Products(weights, widths, dim, self.config.rank)


class _Products:
    def __init__(self, weights: Weights, widths: Widths, dim: int, rank: int) -> None:
        self.tokens = Tokens(weights, widths, rank, bias=False)
        self.bias = weights.put("constants", np.ones((len(widths), rank), np.float32))
        self.read = weights.linear("read", rank, dim)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        return self.read((self.bias + self.tokens(rows, there)).prod(1))

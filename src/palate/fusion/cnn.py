"""Convolutions over the parts, laid on each other like the channels of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import PositiveInt

from palate.fusion._join import Join, Tokens, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class CNNConfig(LearnedConfig):
    """The filters, beside what every learned fusion can be told."""

    filters: PositiveInt = 16
    """Filters of the first layer."""
    reach: PositiveInt = 5
    """Numbers that a filter sees of each part; an even number is made odd by one more."""


class CNN(LearnedFusion[CNNConfig]):
    """Lay the parts on each other as channels, and read them by filters that see some numbers of all parts at once.

    f = V * relu(W * [t_1; t_2; ...]) with t_p = W_p x_p + b_p, where * is the convolution along the numbers: from m channels to the filters,
    and from these to one (LeCun et al. 1998; modalities as channels as in Couprie et al. 2013). Which numbers of two parts lie over each other is learned with the W_p.

    Missing data:
        An absent part is a channel of zeros.
    """

    name = "cnn"
    config_type = CNNConfig
    paper: ClassVar[str] = "LeCun et al. 1998; Couprie et al. 2013"
    cost: ClassVar[str] = "w k + m k f per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map for each part, and two layers of filters."""
        return _Filters(weights, widths, dim, self.config.filters, self.config.reach | 1)


class _Filters:
    def __init__(self, weights: Weights, widths: Widths, dim: int, filters: int, reach: int) -> None:
        self.tokens = Tokens(weights, widths, dim)
        self.reach = reach
        self.first = weights.linear("filters", len(widths) * reach, filters)
        self.second = weights.linear("reading filter", filters * reach, 1)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        hidden = torch.relu(self._convolved(self.tokens(rows, there), self.first))
        return self._convolved(hidden, self.second)[:, 0]

    def _convolved(self, channels: Tensor, filters: Tensor) -> Tensor:
        """Return float32[b, filters, dim] from float32[b, channels, dim], zeros beyond the ends."""
        kernel = filters.weight.view(len(filters.weight), channels.shape[1], self.reach)
        return torch.nn.functional.conv1d(channels, kernel, filters.bias, padding=self.reach // 2)

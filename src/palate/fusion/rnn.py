"""The parts read one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from palate.fusion._join import Join, Tokens, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class RNN(LearnedFusion[LearnedConfig]):
    """Read the parts one after the other, in the order of their names, by a gated recurrent unit.

    z = sigmoid(U_z t_p + V_z h), r = sigmoid(U_r t_p + V_r h), n = tanh(U_n t_p + V_n (r * h)), h <- (1 - z) * h + z * n, beginning with h = 0; f = R h after
    the last part (Cho et al. 2014, section 2.3), where t_p = W_p x_p + b_p.

    Missing data:
        An absent part is passed over: h stays.
    """

    name = "rnn"
    config_type = LearnedConfig
    paper: ClassVar[str] = "Cho et al. 2014"
    cost: ClassVar[str] = "w k + 6 m k² per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add a map for each part, the unit, and what reads its memory."""
        return _Unit(weights, widths, dim)


class _Unit:
    def __init__(self, weights: Weights, widths: Widths, dim: int) -> None:
        self.tokens = Tokens(weights, widths, dim)
        self.seen = weights.linear("gates by what is read", dim, 3 * dim)
        self.gates = weights.linear("gates by memory", dim, 2 * dim, bias=False)
        self.recall = weights.linear("memory", dim, dim, bias=False)
        self.read = weights.linear("read", dim, dim)

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        tokens = self.tokens(rows, there)
        memory = torch.zeros_like(tokens[:, 0])
        for number in range(tokens.shape[1]):
            update, reset, new = self.seen(tokens[:, number]).chunk(3, dim=1)
            more, less = self.gates(memory).chunk(2, dim=1)
            proposed = torch.tanh(new + self.recall(torch.sigmoid(reset + less) * memory))
            gate = torch.sigmoid(update + more) * there[:, number, None]
            memory = (1 - gate) * memory + gate * proposed
        return self.read(memory)

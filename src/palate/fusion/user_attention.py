"""Weights of the parts, person by person and thing by thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from palate.fusion._join import Join, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.fusion._personal import Personal
from palate.linalg.neighbours import unit_rows
from palate.nn.network import Weights


class UserAttention(LearnedFusion[LearnedConfig]):
    """Weigh a thing's parts by who looks at them: to one it is the picture that counts, to another the sound.

    s_ui = sum over p of a_p(u, i) cos(t_u, v_p), a = softmax over the parts that are there of (Q t_u) . k_p / sqrt(k), v_p = V_p x_p + b_p, k_p = K_p x_p + c_p
    (scaled attention of Vaswani et al. 2017 with the person for a query; weights by person and item as in Liu et al. 2019). In `two-tower` everyone has
    weights of their own; where nobody asks, as for the likeness of two things, it is the mean of all people who does.

    Missing data:
        The weights of the parts that a thing has add up to one.
    """

    name = "user-attention"
    config_type = LearnedConfig
    paper: ClassVar[str] = "Vaswani et al. 2017; Liu et al. 2019"
    cost: ClassVar[str] = "2 w k + k² per like and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add two maps for each part, and one for people."""
        return Personal(weights, widths, dim)

    def keep(self, arrays: Mapping[str, Any]) -> Self:
        """Take over the weights; the mean of all people asks where nobody does."""
        arrays = dict(arrays)
        if "people" in arrays:
            arrays["anyone"] = unit_rows(arrays["people"]).mean(axis=0)
        return super().keep(arrays)

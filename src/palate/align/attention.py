"""Every part by a network to where those other parts of the thing are that it can be told from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from palate.align._base import Views
from palate.align._learned import ContrastedConfig, LearnedAligner, PartsNetwork, Placed, likeness, mean
from palate.align._towers import Tower
from palate.nn._torch import Tensor, torch

_NEVER = -1e9


class Attention(LearnedAligner[ContrastedConfig]):
    """Teach a network for each part to find the thing by its other parts, heard by attention: a part that says nothing is not.

    What part p of a thing should come to is t_p = sum over its other present parts q of a_pq v_q, with
    a_p = softmax over q of (Q v_p) . (K v_q) / sqrt(dim) + c_q (Vaswani et al. 2017, equation 1; c_q says how much part q is heard
    in general). Loss as in `contrastive`, between v_p and t_p. Attention chooses the targets of training; once fitted, each part is placed
    from its own row alone. With two parts there is nothing to choose, and this is `contrastive`.

    Missing data:
        What is absent is not attended to; a thing of one part teaches nothing. A part that fewer than two things have together with
        another is held to itself, as in `contrastive`.
    """

    name = "attention"
    config_type = ContrastedConfig
    paper: ClassVar[str] = "Vaswani et al. 2017; van den Oord, Li and Vinyals 2018"
    cost: ClassVar[str] = "epochs n h (w + m k), and epochs n m b k"

    def _network(self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator) -> PartsNetwork:
        return AttentionNetwork(views, towers, rng, self.config)


class AttentionNetwork(PartsNetwork):
    """The towers, and who hears whom."""

    config: ContrastedConfig

    def __init__(
        self, views: Views, towers: Mapping[str, Tower], rng: np.random.Generator, config: ContrastedConfig
    ) -> None:
        super().__init__(views, towers, rng, config)
        self.asked, self.said = (
            self.weights.linear(name, config.dim, config.dim, bias=False) for name in ("asked", "said")
        )
        self.heard = self.weights.put("heard", np.zeros(len(towers), np.float32))

    def shares(self, placed: Placed) -> Tensor:
        """Return how much each part of a thing hears each other, rows of sum one; float32[b, m, m]."""
        vectors, present = _stacked(placed)
        scores = self.asked(vectors) @ self.said(vectors).transpose(1, 2) / self.config.dim**0.5 + self.heard
        own = torch.eye(present.shape[1], dtype=torch.bool, device=present.device)
        return scores.masked_fill(own | ~present[:, None], _NEVER).softmax(2)

    def lost(self, placed: Placed, noise: Any) -> Mapping[str, Tensor]:
        """Return the mean over parts, and what parts without a pair lose."""
        paired = [name for name in placed.vectors if name not in self.lonely]
        found = []
        if paired:
            vectors, present = _stacked(placed)
            targets = torch.nn.functional.normalize(self.shares(placed) @ vectors, dim=2)
            several = present & (present.sum(1, keepdim=True) > 1)
            for number, name in enumerate(placed.vectors):
                if name in paired:
                    found.append(
                        likeness(placed.vectors[name], targets[:, number], several[:, number], self.config.temperature)
                    )
        return {"parts": mean(found, placed), "own": self.own(placed, noise, self.config.temperature)}


def _stacked(placed: Placed) -> tuple[Tensor, Tensor]:
    """Return all parts side by side; float32[b, m, dim], bool[b, m]."""
    return tuple(torch.stack(list(those.values()), dim=1) for those in (placed.vectors, placed.present))

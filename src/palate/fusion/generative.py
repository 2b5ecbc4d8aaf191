"""A joint code from which every part is made, so well that a judge takes it for a real one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveInt

from palate.core.types import Mask
from palate.fusion._base import Units
from palate.fusion._join import Join, Widths
from palate.fusion._learned import LearnedConfig, LearnedFusion
from palate.fusion._learning import Maker, Making, Rebuilding
from palate.fusion.mlp import Layers
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.pairs import Batch


class GenerativeConfig(LearnedConfig):
    """How wide the networks are, and how much the judges count."""

    learn: Literal["reconstruction"] = "reconstruction"
    """The parts must follow from the fused vector."""
    hidden: float = Field(0.3, ge=0, lt=1)
    """Share of the parts that each step hides, and that must be made all the same."""
    inner: PositiveInt = 128
    """Width of the hidden layers."""
    judged: NonNegativeFloat = 0.1
    """How much it counts whether a judge takes what is made for real, beside how near it comes."""


class Generative(LearnedFusion[GenerativeConfig]):
    """Make a code from a thing's parts, all its parts from the code again, and have judges tell the made ones from real ones.

    f = E(x), E a network with a hidden layer; x'_p = G_p(f). G and E descend sum over p of |x_p - x'_p|^2 / d - judged ln D_p(x'_p), and each judge D_p
    -ln D_p(x_p) - ln(1 - D_p(x'_p)) (Goodfellow et al. 2014, with the generator's loss of section 3; beside a reconstruction Larsen et al. 2016). Parts are hidden by chance and made all
    the same, so that the code says what they share. It learns from the parts alone: likes are not read.

    Missing data:
        An absent part is zeros, and the code is of the others.
    """

    name = "generative"
    config_type = GenerativeConfig
    paper: ClassVar[str] = "Goodfellow et al. 2014; Larsen et al. 2016"
    cost: ClassVar[str] = "4 w h per thing and epoch"

    def module(self, weights: Weights, widths: Widths, dim: int) -> Join:
        """Add the network that makes the code."""
        return Layers(weights, widths, dim, (self.config.inner,))

    def _rebuilding(self, rows: Units, there: Mask, rng: np.random.Generator) -> Rebuilding:
        config = self.config
        return _Judged(
            rows, there, self.making, rng, dim=self.dim, hidden=config.hidden, inner=config.inner, judged=config.judged
        )


class _Judged(Rebuilding):
    def __init__(
        self,
        rows: Units,
        there: Mask,
        making: Making,
        rng: np.random.Generator,
        *,
        dim: int,
        hidden: float,
        inner: int,
        judged: float,
    ) -> None:
        self.inner, self.judged = inner, judged
        super().__init__(rows, there, making, rng, dim=dim, hidden=hidden)
        self.judges = {
            name: (
                self.weights.linear(f"judge {name}", values.shape[1], inner),
                self.weights.linear(f"verdict {name}", inner, 1),
            )
            for name, values in rows.items()
        }

    def maker(self, name: str, dim: int, width: int) -> Maker:
        """Return what makes a part of the code: a network with a hidden layer."""
        enter = self.weights.linear(f"maker {name}", dim, self.inner)
        read = self.weights.linear(f"made {name}", self.inner, width)
        return lambda joint: read(torch.relu(enter(joint)))

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return how far what is made is from what there is, what the judges say of it, and how wrong the judges are."""
        made, whole, there = self.made(batch, noise)
        losses: dict[str, Tensor] = self.again.losses(made, whole, there)
        for number, name in enumerate(whole if self.judged else ()):
            mask, count = there[:, number], there[:, number].sum().clamp(min=1)
            real, seen = self._verdict(name, whole[name]), self._verdict(name, made[name].detach())
            softplus = torch.nn.functional.softplus
            losses[f"judge {name}"] = ((softplus(-real) + softplus(seen)) * mask).sum() / count
            losses[f"fooled {name}"] = (
                self.judged * (softplus(-self._verdict(name, made[name], fixed=True)) * mask).sum() / count
            )
        return losses

    def _verdict(self, name: str, rows: Tensor, *, fixed: bool = False) -> Tensor:
        """Return how real rows look to a judge, the more the more; one that is fixed learns nothing from it."""
        linear = torch.nn.functional.linear
        for number, layer in enumerate(self.judges[name]):
            weight, bias = (layer.weight.detach(), layer.bias.detach()) if fixed else (layer.weight, layer.bias)
            rows = linear(torch.nn.functional.leaky_relu(rows, 0.2) if number else rows, weight, bias)
        return rows[:, 0]

"""The network of `generative`: parts to a code and back; of torch while it learns, and the same in numpy afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from palate.core.types import Floats, Mask
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights

if TYPE_CHECKING:
    from palate.complete.generative import GenerativeConfig


class Autoencoder:
    """What is trained: rows of things in, their error and how far their codes are from the prior out.

    Shapes:
        rows: float32[n, w], all parts side by side, zeros where absent; present: bool[n, m]; widths: of each part.
    """

    def __init__(
        self, rows: Floats, present: Mask, widths: list[int], rng: np.random.Generator, config: GenerativeConfig
    ) -> None:
        self.weights, self.config = Weights(rng), config
        self.rows, self.present = self.weights.constant(rows), self.weights.constant(present)
        self.widths = self.weights.constant(np.asarray(widths, np.int64))
        width = rows.shape[1]
        self.read = self.weights.linear("read", width + len(widths), config.hidden)
        self.code = self.weights.linear("code", config.hidden, 2 * config.dim)
        self.say = self.weights.linear("say", config.dim, config.hidden)
        self.make = self.weights.linear("make", config.hidden, width)

    def losses(self, batch: Any, noise: Any) -> Mapping[str, Tensor]:
        """Return by name what to make smaller; `batch.items` are the things."""
        codes = torch.from_numpy(batch.items.astype(np.int64)).to(self.weights.device)
        rows, present = self.rows.index_select(0, codes), self.present.index_select(0, codes)
        shown = self._shown(present, noise)
        entering = torch.cat([rows * self._wide(shown), shown.to(rows.dtype)], dim=1)
        mean, log_variance = self.code(torch.relu(self.read(entering))).chunk(2, dim=1)
        log_variance = log_variance.clamp(-10, 10)
        spread = torch.randn(mean.shape, generator=noise, device=mean.device, dtype=mean.dtype)
        made = self.make(torch.relu(self.say(mean + spread * torch.exp(log_variance / 2))))
        there = self._wide(present)
        error = (torch.square(made - rows) * there).sum() / there.sum().clamp(min=1)
        prior = (torch.exp(log_variance) + mean.square() - 1 - log_variance).sum(dim=1).mean() / 2
        return {"made again": error, "prior": self.config.prior * prior}

    def _shown(self, present: Tensor, noise: Any) -> Tensor:
        """Return which parts the network sees: each with the same chance, and one at least of those that are there."""
        draw = torch.rand(present.shape, generator=noise, device=present.device)
        draw = draw.masked_fill(~present, -1.0)
        best = draw == draw.amax(dim=1, keepdim=True)
        return present & ((draw >= self.config.hide) | best)

    def _wide(self, mask: Tensor) -> Tensor:
        """Return a mask of parts as one of numbers; bool[b, m] -> bool[b, w]."""
        return mask.repeat_interleave(self.widths, dim=1)


def made(learned: Mapping[str, Floats], rows: Floats, present: Mask) -> Floats:
    """Return what the network makes of things, from the mean of their codes; float32[b, w]."""
    entering = np.hstack([rows, present.astype(np.float32)])
    code = _linear(learned, "code", np.maximum(_linear(learned, "read", entering), 0))
    mean = code[:, : code.shape[1] // 2]
    return _linear(learned, "make", np.maximum(_linear(learned, "say", mean), 0))


def _linear(learned: Mapping[str, Floats], name: str, rows: Floats) -> Floats:
    return np.asarray(rows @ learned[f"{name}.weight"].T + learned[f"{name}.bias"], dtype=np.float32)

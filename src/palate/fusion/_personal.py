"""A join that sees things through a person's eyes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from palate.fusion._join import Tokens, Widths, attended
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights


class Personal:
    """A join that makes another vector for everyone."""

    def __init__(self, weights: Weights, widths: Widths, dim: int) -> None:
        self.values, self.keys = Tokens(weights, widths, dim), Tokens(weights, widths, dim, label="key")
        self.ask = weights.linear("query", dim, dim, bias=False)
        self.anyone = weights.put("anyone", np.zeros(dim, np.float32))

    def __call__(self, rows: Mapping[str, Tensor], there: Tensor) -> Tensor:
        """Return what things are to the mean of all people; float32[b, dim]."""
        keys, values = self.views(rows, there)
        share = attended(keys @ self.ask(self.anyone) / keys.shape[2] ** 0.5, there)
        return (share[:, :, None] * values).sum(1)

    def views(self, rows: Mapping[str, Tensor], there: Tensor) -> tuple[Tensor, Tensor]:
        """Return what people's questions are held against, and what is told, of length one; float32[b, m, dim] each."""
        values = torch.nn.functional.normalize(self.values(rows, there), dim=2)
        return self.keys(rows, there), values

    def scores(self, people: Tensor, keys: Tensor, values: Tensor, there: Tensor) -> Tensor:
        """Return the scores of things for people.

        Shapes:
            people: float32[..., u, dim]; keys, values: float32[..., n, m, dim]; there: bool[..., n, m] -> float32[..., u, n].
        """
        people = torch.nn.functional.normalize(people, dim=-1)
        asked = self.ask(people) / keys.shape[-1] ** 0.5
        strength = torch.einsum("...ud,...nmd->...unm", asked, keys)
        share = attended(strength, there[..., None, :, :])
        return (share * torch.einsum("...ud,...nmd->...unm", people, values)).sum(-1)

"""Parts that learn too fast are slowed down, so that those beside them are learned as well."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from palate.nn._torch import Tensor, torch


class Balance:
    """Scale the gradients of each part's encoder by how far it is ahead of the others.

    With s_m how well part m alone tells the batch (the chance given to what is right, meaned), rho_m = s_m over the mean of the
    others', the gradient of its encoder counts 1 - tanh(strength rho_m) where rho_m > 1, and wholly elsewhere. With `noisy`,
    numbers drawn as wide as the gradient's are added, for what the scaling takes of their randomness (OGM-GE: Peng et al. 2022,
    equation 10 for the scaling, there of two parts, whose rho are s_1 / s_2 and s_2 / s_1).

    Args:
        strength: alpha.
        encoders: part -> the learned tensors that only it goes through.
    """

    def __init__(self, strength: float, encoders: Mapping[str, Sequence[Tensor]], *, noisy: bool = False) -> None:
        self.strength, self.encoders, self.noisy = strength, encoders, noisy
        self.coefficients = dict.fromkeys(encoders, 1.0)

    def weigh(self, alone: Mapping[str, float]) -> None:
        """Take over how well each part alone tells the batch; one that is not named says nothing of it."""
        self.coefficients = dict.fromkeys(self.encoders, 1.0)
        for name, mine in alone.items():
            others = [value for other, value in alone.items() if other != name]
            if not others:
                continue
            ahead = mine / max(sum(others) / len(others), 1e-12)
            if ahead > 1:
                self.coefficients[name] = 1 - math.tanh(self.strength * ahead)

    def temper(self, noise: Any) -> None:
        """Change the gradients, which must be there."""
        for name, tensors in self.encoders.items():
            for tensor in tensors:
                if tensor.grad is None:
                    continue
                wide = tensor.grad.std(correction=0) if self.noisy else None
                tensor.grad.mul_(self.coefficients[name])
                if wide is not None:
                    drawn = torch.randn(tensor.grad.shape, generator=noise, device=tensor.grad.device)
                    tensor.grad.add_(wide * drawn)

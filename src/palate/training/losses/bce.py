"""What was liked is a yes, what was not is a no."""

from __future__ import annotations

from palate.core.config import Config
from palate.nn._torch import Tensor, torch
from palate.training.losses._base import Loss
from palate.training.pairs import Pairs


class BCEConfig(Config):
    """Nothing to set."""


class BCE(Loss[BCEConfig]):
    """Make the score the logarithm of the odds that the item is liked.

    -ln sigma(x_ui) - ln(1 - sigma(x_uj)), the mean over likes, and over all j of each (He et al. 2017, equation 7, there
    the sums). Unlike `bpr` and `sampled-softmax`, whose scores mean something beside others only, it fits a probability.
    """

    name = "bce"
    config_type = BCEConfig

    def mean(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""
        softplus = torch.nn.functional.softplus
        counts = torch.isfinite(pairs.negative).sum(1).clamp(min=1)
        return (softplus(-pairs.positive) + softplus(pairs.negative).sum(1) / counts).mean()

    def each(self, pairs: Pairs) -> Tensor:
        """Return -ln sigma(x_ui) of each like; float32[b]."""
        return torch.nn.functional.softplus(-pairs.positive)

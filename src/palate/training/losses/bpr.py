"""What was liked should score more than what was not."""

from __future__ import annotations

from palate.core.config import Config
from palate.nn._torch import Tensor, torch
from palate.training.losses._base import Loss
from palate.training.pairs import Pairs


class BPRLossConfig(Config):
    """Nothing to set."""


class BPRLoss(Loss[BPRLossConfig]):
    """Make the liked item score more than each other one, the closer the harder.

    -ln sigma(x_ui - x_uj), the mean over all j (Rendle et al. 2009, section 4.1: BPR-Opt). With one other item it is what
    `sampled-softmax` is at temperature 1 without log_q; that one lets hard items weigh more where there are several.
    """

    name = "bpr"
    config_type = BPRLossConfig

    def mean(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""
        counts = torch.isfinite(pairs.negative)
        lost = torch.nn.functional.softplus(pairs.negative - pairs.positive[:, None])
        return lost.sum() / counts.sum().clamp(min=1)

    def each(self, pairs: Pairs) -> Tensor:
        """Return the loss of each like, the mean over its other items; float32[b]."""
        counts = torch.isfinite(pairs.negative).sum(1).clamp(min=1)
        return torch.nn.functional.softplus(pairs.negative - pairs.positive[:, None]).sum(1) / counts

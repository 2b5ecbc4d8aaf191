"""Two views of one thing should be more alike than those of two."""

from __future__ import annotations

from pydantic import PositiveFloat

from palate.core.config import Config
from palate.nn._torch import Tensor, torch
from palate.training.losses._base import Loss
from palate.training.pairs import Pairs


class InfoNCEConfig(Config):
    """How sharp."""

    temperature: PositiveFloat = 0.2
    """Cosines are divided by it."""


class InfoNCE(Loss[InfoNCEConfig]):
    """Make the cosine of two views of the same row stand out among those with all other rows.

    -ln softmax over j of cos(a_i, b_j) / temperature, at j = i (van den Oord et al. 2018, equation 4, with cosines for the
    bilinear form of equation 3). Between users and what they like it is `sampled-softmax` over the batch without log_q;
    between two parts of an item it aligns them.

    Raises:
        ConfigError: the network has no vectors.
    """

    name = "info-nce"
    config_type = InfoNCEConfig

    def mean(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""
        return self.between(*self.vectors(pairs))

    def between(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the loss of two views; float32[n, d] each -> float32[]."""
        return self._lost(one, other, "mean")

    def each(self, pairs: Pairs) -> Tensor:
        """Return the loss of each like; float32[b]."""
        return self._lost(*self.vectors(pairs), "none")

    def _lost(self, one: Tensor, other: Tensor, reduction: str) -> Tensor:
        one, other = (torch.nn.functional.normalize(view, dim=1) for view in (one, other))
        cosines = one @ other.T / self.config.temperature
        own = torch.arange(len(one), device=one.device)
        return torch.nn.functional.cross_entropy(cosines, own, reduction=reduction)

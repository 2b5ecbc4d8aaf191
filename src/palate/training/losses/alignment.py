"""Who likes what should lie close, and all should lie apart."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from palate.core.config import Config
from palate.nn._torch import Tensor, torch
from palate.training.losses._base import Loss
from palate.training.pairs import Pairs


class AlignmentConfig(Config):
    """How the two wishes are weighed."""

    uniformity: NonNegativeFloat = 1.0
    """How much lying apart counts beside lying close."""


class Alignment(Loss[AlignmentConfig]):
    """Bring users close to what they like, and spread users and items over the sphere; nothing is drawn against a like.

    mean |u - i|^2 + uniformity * (l(users) + l(items)) / 2, with l the logarithm of the mean of exp(-2 |x - y|^2) over
    pairs of the batch, all of length one (DirectAU: Wang et al. 2022, as in the authors' code). `sampled-softmax` over the
    batch does both in one term (Wang and Isola 2020); here the weight of each is set.

    Raises:
        ConfigError: the network has no vectors.
    """

    name = "alignment"
    config_type = AlignmentConfig

    def mean(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""
        users, items = (torch.nn.functional.normalize(vectors, dim=1) for vectors in self.vectors(pairs))
        close = (users - items).square().sum(1).mean()
        apart = (_uniformity(users) + _uniformity(items)) / 2
        return close + self.config.uniformity * apart

    def each(self, pairs: Pairs) -> Tensor:
        """Return |u - i|^2 of each like, which alone is its own; float32[b]. Those left out are not spread either."""
        users, items = (torch.nn.functional.normalize(vectors, dim=1) for vectors in self.vectors(pairs))
        return (users - items).square().sum(1)


def _uniformity(vectors: Tensor) -> Tensor:
    """Return the logarithm of the mean of exp(-2 |x - y|^2) over pairs of rows; 0 where there is one row."""
    if len(vectors) < 2:
        return vectors.new_zeros(())
    return torch.pdist(vectors).square().mul(-2).exp().mean().log()

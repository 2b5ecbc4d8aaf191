"""What was liked should stand out among everything it is held against."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveFloat

from palate.core.config import Config
from palate.nn._torch import Tensor, torch
from palate.training.losses._base import Loss
from palate.training.losses._blocks import shared_softmax, softmax_of_each
from palate.training.pairs import Pairs


class SampledSoftmaxConfig(Config):
    """How sharp, and how much is made up for popular items being drawn more often."""

    temperature: PositiveFloat = 0.2
    """Scores are divided by it: the smaller, the more the hardest items count."""
    log_q: NonNegativeFloat = 1.0
    """How much of the logarithm of an item's chance to be drawn is taken off its score; 1 makes up for it wholly."""


class SampledSoftmax(Loss[SampledSoftmaxConfig]):
    """Make the liked item the likeliest of all it is held against, as if against the whole catalogue.

    -ln softmax over i and all j of x / temperature - log_q ln q (Bengio and Senécal 2008; Yi et al. 2019, section 3, whose
    equation 4 is this with log_q = 1), with q the chance that an item was drawn. With the likes of the batch as each
    other's other items it is `info-nce` between users and items, but for the correction, without which popular items are
    held down too far.
    """

    name = "sampled-softmax"
    config_type = SampledSoftmaxConfig

    def mean(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""
        if pairs.shared is not None and pairs.barred is not None:
            return shared_softmax(*self._shared(pairs))
        return self._apart(pairs).mean()

    def each(self, pairs: Pairs) -> Tensor:
        """Return the loss of each like; float32[b]."""
        if pairs.shared is not None and pairs.barred is not None:
            return softmax_of_each(*self._shared(pairs))
        return self._apart(pairs)

    def _positive(self, pairs: Pairs) -> Tensor:
        return pairs.positive / self.config.temperature - self.config.log_q * pairs.log_q

    def _shared(self, pairs: Pairs) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return what the softmax against shared candidates is made of."""
        offset = self.config.log_q * pairs.log_q_others
        return self._positive(pairs), pairs.users / self.config.temperature, pairs.shared, offset, pairs.barred

    def _apart(self, pairs: Pairs) -> Tensor:
        positive = self._positive(pairs)
        negative = pairs.negative / self.config.temperature - self.config.log_q * pairs.log_q_others
        whole = torch.logaddexp(positive, torch.logsumexp(negative, 1))
        return whole - positive

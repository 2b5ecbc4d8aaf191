"""What every loss shares."""

from __future__ import annotations

from abc import ABC, abstractmethod

from palate.core.errors import ConfigError
from palate.core.part import C, Part
from palate.nn._torch import Tensor, torch
from palate.training.pairs import Pairs


class Loss(Part[C], ABC):
    """Base of the losses: a number to make smaller, the mean over the batch.

    Where a share of the likes is to be left out, those of the largest losses are: likes by accident, which no taste explains,
    are learned last and fit worst (truncated loss: Wang et al. 2021, "Denoising Implicit Feedback for Recommendation",
    equation 3, there of the cross-entropy). What is left is meaned over what is left.
    """

    def vectors(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Return the vectors that were multiplied, float32[b, d] each, for a loss that compares these.

        Raises:
            ConfigError: the network has none.
        """
        if pairs.users is None or pairs.items is None:
            raise ConfigError(
                f"the loss '{self.name}' compares vectors, and this model has none of users and items: choose bpr, bce or "
                "sampled-softmax"
            )
        return pairs.users, pairs.items

    def __call__(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch, but for the likes that are left out; float32[]."""
        size = len(pairs.positive)
        out = min(int(pairs.left_out * size), size - 1)
        if out <= 0:
            return self.mean(pairs)
        doubts = self.each(pairs).detach().float()
        order = torch.where(doubts.isnan(), -torch.inf, doubts).argsort(stable=True)  # what is no number is not hidden
        return self.mean(pairs.of(order[: size - out].sort().values))

    @abstractmethod
    def mean(self, pairs: Pairs) -> Tensor:
        """Return the mean of the losses of a batch; float32[]."""

    @abstractmethod
    def each(self, pairs: Pairs) -> Tensor:
        """Return how ill each like fits, its own share of the loss; float32[b]. Its gradient is asked of nobody."""

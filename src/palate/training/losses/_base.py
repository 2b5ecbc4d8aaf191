"""What every loss shares."""

from __future__ import annotations

from abc import ABC, abstractmethod

from palate.core.errors import ConfigError
from palate.core.part import C, Part
from palate.nn._torch import Tensor
from palate.training.pairs import Pairs


class Loss(Part[C], ABC):
    """Base of the losses: a number to make smaller, the mean over the batch."""

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

    @abstractmethod
    def __call__(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""

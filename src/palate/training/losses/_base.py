"""What every loss shares."""

from __future__ import annotations

from abc import ABC, abstractmethod

from palate.core.part import C, Part
from palate.nn._torch import Tensor
from palate.training.pairs import Pairs


class Loss(Part[C], ABC):
    """Base of the losses: a number to make smaller, the mean over the batch."""

    @abstractmethod
    def __call__(self, pairs: Pairs) -> Tensor:
        """Return the loss of a batch; float32[]."""

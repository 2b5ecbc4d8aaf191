"""Parts that are sequences, by filters over a few steps at a time."""

from __future__ import annotations

from typing import ClassVar

from pydantic import PositiveInt

from palate.align._sequences import SequenceAligner, SequenceConfig
from palate.align._towers import Convolution, Tower


class ConvConfig(SequenceConfig):
    """How far a filter sees."""

    kernel: PositiveInt = 3
    """Steps that a filter looks at together."""


class Conv(SequenceAligner[ConvConfig]):
    """Teach filters over the steps of each part, each taken where it is strongest, so that a thing's parts find each other.

    One 1-D convolution with `hidden` filters, relu, the largest over the steps, and a linear layer (Kim 2014, equations 2 and 3), by the loss
    of `contrastive`. It sees the order of neighbouring steps, and not where in the sequence they are. With one step
    it is `contrastive`.

    Missing data:
        As in `contrastive`. A sequence that is there is there whole.
    Raises:
        ConfigError: `steps` names no part. DataError: the numbers of a part cannot be dealt out to its steps.
    """

    name = "conv"
    config_type = ConvConfig
    paper: ClassVar[str] = "Kim 2014; van den Oord, Li and Vinyals 2018"
    cost: ClassVar[str] = "epochs n h (kernel w + m k), and epochs n m² b k"

    def _steps(self, width: int, steps: int) -> Tower:
        return Convolution(width, self.config.hidden, self.dim, steps, self.config.kernel)

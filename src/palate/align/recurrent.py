"""Parts that are sequences, read step by step."""

from __future__ import annotations

from typing import ClassVar

from palate.align._sequences import SequenceAligner, SequenceConfig
from palate.align._towers import Gated, Tower


class Recurrent(SequenceAligner[SequenceConfig]):
    """Teach a gated recurrent unit that reads each part step by step, so that a thing's parts find each other.

    Of where it stands after the last step a linear layer makes the vector (Cho et al. 2014, section 2.3), by the loss of
    `contrastive`. It can keep the order of steps that lie far apart, and takes time for each. With one step it is a layer
    with gates.

    Missing data:
        As in `contrastive`. A sequence that is there is there whole.
    Raises:
        ConfigError: `steps` names no part. DataError: the numbers of a part cannot be dealt out to its steps.
    """

    name = "recurrent"
    config_type = SequenceConfig
    paper: ClassVar[str] = "Cho et al. 2014; van den Oord, Li and Vinyals 2018"
    cost: ClassVar[str] = "epochs n h (w + steps h + m k), and epochs n m² b k"

    def _steps(self, width: int, steps: int) -> Tower:
        return Gated(width, self.config.hidden, self.dim, steps)

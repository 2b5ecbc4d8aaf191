"""Parts of an item mixed with those of another that the same people like (mixup), so that few items teach more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from pydantic import Field

from palate.core.config import Config
from palate.core.types import CSR, Codes, Floats, Mask
from palate.nn._torch import Tensor, torch
from palate.nn.network import Weights
from palate.training.judge import Scores
from palate.training.loop import Redraws, Tempers
from palate.training.pairs import Batch

Columns = Sequence[tuple[int, Mask]]
"""What stands side by side in a table of rows: how many numbers each part has, and which items have it, bool[n]."""


class MixupConfig(Config):
    """How far parts are mixed."""

    mixup: float = Field(0.0, ge=0, le=100)
    """Beta(mixup, mixup) says how much an item keeps of its parts, half at least, beside those of another that one of the same people
    likes, anew each epoch; 0 keeps all. Scores are made of the parts as they are."""


class Shows(Protocol):
    """A network that reads rows of items, by name, which others may stand in for while it learns."""

    weights: Weights
    values: dict[str, Tensor]

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """As `training.loop.Network`."""
        ...

    def scorer(self) -> Scores:
        """As `training.loop.Network`."""
        ...


class Mixed:
    """A network that learns from mixed parts, and is judged and taken over by those that items have.

    x~_i = k x_i + (1 - k) x_j, k' ~ Beta(mixup, mixup), k = max(k', 1 - k') (Zhang et al. 2018, with the larger share for what the
    label is of, as Berthelot et al. 2019, equation 9). They mix labels too; here j is drawn from what somebody likes who likes i: both
    are likes of that person, so that the label is the same. Any other item would call for a mixed label, which a like held against
    others has no place for. Who likes one thing alone lends it to itself. k and j are an item's, for all its parts: each like meets its
    item once an epoch, so that it sees another mixture each time.

    Args:
        network: what learns.
        mixup: of the Beta distribution.
        liked: sparse[people, n], who likes what.
        tables: what stands in the columns of the network's `values`, by the same names; further columns are left as they are.

    Missing data:
        A part is mixed where both have it; an item that lacks one stays without, and so does what nobody likes stay as it is.
    """

    def __init__(self, network: Shows, mixup: float, liked: CSR, tables: Mapping[str, Columns]) -> None:
        self.network, self.weights = network, network.weights
        self.mixup, self.tables = mixup, tables
        self.liked, self.by = liked, liked.T.tocsr()
        self.shown = network.values

    def begin_epoch(self, rng: np.random.Generator) -> None:
        """Draw with what, and how far, each item is mixed."""
        if isinstance(self.network, Redraws):
            self.network.begin_epoch(rng)
        other = partners(self.liked, self.by, rng)
        drawn = rng.beta(self.mixup, self.mixup, len(other))
        kept = np.maximum(drawn, 1 - drawn).astype(np.float32)
        self.shown = {name: self._mixed(name, values, other, kept) for name, values in self.network.values.items()}

    def _mixed(self, name: str, values: Tensor, other: Codes, kept: Floats) -> Tensor:
        width = 0
        keeps = np.ones(values.shape, np.float32)
        for count, present in self.tables[name]:
            both = present & present[other]
            keeps[:, width : width + count] = np.where(both, kept, np.float32(1))[:, None]
            width += count
        share = torch.from_numpy(keeps).to(values.device)
        return torch.lerp(values[torch.from_numpy(other).long().to(values.device)], values, share)

    def losses(self, batch: Batch, noise: Any) -> Mapping[str, Tensor]:
        """Return the losses of the network by mixed parts."""
        whole, self.network.values = self.network.values, self.shown
        try:
            return self.network.losses(batch, noise)
        finally:
            self.network.values = whole

    def temper(self, noise: Any) -> None:
        """Let the network change its gradients, where it does."""
        if isinstance(self.network, Tempers):
            self.network.temper(noise)

    def scorer(self) -> Scores:
        """Return what scores by the parts that items have."""
        return self.network.scorer()


def partners(liked: CSR, by: CSR, rng: np.random.Generator) -> Codes:
    """Draw for each item a like of it, and of that person any like; an item that nobody likes gets itself.

    Shapes:
        liked: sparse[people, n]; by: the same as sparse[n, people] -> int32[n].
    """
    count = np.diff(by.indptr)
    luck = rng.random((2, len(count)))
    found = np.flatnonzero(count)
    person = by.indices[by.indptr[found] + (luck[0, found] * count[found]).astype(np.int64)]
    degree = np.diff(liked.indptr)[person]
    other = np.arange(len(count), dtype=np.int32)
    other[found] = liked.indices[liked.indptr[person] + (luck[1, found] * degree).astype(np.int64)]
    return other

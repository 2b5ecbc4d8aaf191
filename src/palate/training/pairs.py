"""A batch of likes and of what they are held against, and what a network makes of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from palate.core.errors import ConfigError
from palate.core.types import Codes, Floats
from palate.nn._torch import Tensor, torch


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that are not the one liked, to hold it against.

    Shapes:
        items: int32[b, n], n for each like, or int32[m], the same for all.
        log_q: float32 of the same shape, the logarithm of how likely each was drawn.
        barred: int64[2, x], rows, in order, and columns of those that do not count for a like, or None for none.
    """

    items: Codes
    log_q: Floats
    barred: npt.NDArray[np.int64] | None = None
    keep: int | None = None
    """Only so many of each row count: those that score highest now."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Likes, and what they are held against.

    Shapes:
        users, items: int32[b]; log_q: float32[b], the logarithm of how likely each liked item was drawn.
    """

    users: Codes
    items: Codes
    log_q: Floats
    others: Candidates
    left_out: float = 0.0
    """Share of the likes, those of the largest losses, that the loss leaves out."""

    def __len__(self) -> int:
        return len(self.users)

    @property
    def both(self) -> Codes:
        """All items that are read, first those liked; int32[b + n]."""
        return np.concatenate([self.items, self.others.items.reshape(-1)])


class Pairs:
    """The scores of a batch; those of the items that are not liked are made when asked for.

    Shapes:
        positive: float32[b], of the liked items; negative: float32[b, n], of the others, -inf where they do not count.
        log_q: float32[b], and log_q_others: float32[b, n] or [n], as drawn.
        users, items: float32[b, d], the vectors that were multiplied, None where the network has none; shared: float32[m, d],
        those of candidates that all likes share, None where each has its own; barred: int64[2, x], which of these do not count.
    """

    def __init__(
        self,
        positive: Tensor,
        negative: Tensor | Callable[[], Tensor],
        log_q: Tensor,
        log_q_others: Tensor,
        *,
        users: Tensor = None,
        items: Tensor = None,
        shared: Tensor = None,
        barred: Tensor = None,
        keep: int | None = None,
        left_out: float = 0.0,
    ) -> None:
        self.positive, self.log_q, self.log_q_others = positive, log_q, log_q_others
        self.users, self.items, self.shared, self.barred = users, items, shared, barred
        self._negative, self._keep = negative, keep
        self.left_out = left_out
        """Share of the likes, those of the largest losses, that count for nothing."""

    @cached_property
    def negative(self) -> Tensor:
        """Scores of the others; float32[b, n]."""
        scores = self._negative() if callable(self._negative) else self._negative
        if self.barred is not None:
            scores = scores.index_put(tuple(self.barred), scores.new_tensor(-torch.inf))
        if self._keep is not None and self._keep < scores.shape[1]:
            scores, place = scores.topk(self._keep, dim=1)
            self.log_q_others = self.log_q_others.expand(len(scores), -1).gather(1, place)
        return scores

    def of(self, rows: Tensor) -> Pairs:
        """Return those of some likes; int64[k], in order. What others are shared stays, likes left out among them."""
        apart = self.shared is None or self._keep is not None
        if self._keep is not None:
            _ = self.negative  # decides which others, and how likely each was drawn
        log_q_others, barred = self.log_q_others, None
        if log_q_others.ndim > 1:
            log_q_others = log_q_others.index_select(0, rows)
        if not apart and self.barred is not None:
            place = torch.full((len(self.positive),), -1, dtype=torch.int64, device=rows.device)
            place[rows] = torch.arange(len(rows), device=rows.device)
            barred = torch.stack([place[self.barred[0]], self.barred[1]])
            barred = barred[:, barred[0] >= 0]
        return Pairs(
            self.positive.index_select(0, rows),
            lambda: self.negative.index_select(0, rows),
            self.log_q.index_select(0, rows),
            log_q_others,
            users=None if self.users is None else self.users.index_select(0, rows),
            items=None if self.items is None else self.items.index_select(0, rows),
            shared=None if apart else self.shared,
            barred=barred,
        )


def multiplied(users: Tensor, items: Tensor, batch: Batch, *, cosine: bool = False) -> Pairs:
    """Score a batch by products of vectors, or by their cosines.

    Shapes:
        users: float32[n_users, d]; items: float32[n_items, d].
    """
    size, others = len(batch), batch.others.items
    within = others is batch.items
    taste = users.index_select(0, _codes(batch.users, users))
    read = items.index_select(0, _codes(batch.items if within else batch.both, items))
    if cosine:
        taste, read = (torch.nn.functional.normalize(vectors, dim=1) for vectors in (taste, read))
    good, bad = (read, read) if within else read.split([size, len(read) - size])
    positive = (taste * good).sum(1)
    shared = bad if others.ndim == 1 else None

    def negative() -> Tensor:
        if not others.size:
            raise ConfigError(
                "the loss holds likes against other items, and the sampler 'none' draws none: choose a sampler, such as "
                "uniform, or the loss alignment, which looks at likes alone"
            )
        if shared is not None:
            return taste @ shared.T
        return (bad.view(*others.shape, -1) * taste[:, None]).sum(2)

    return held(positive, negative, batch, users=taste, items=good, shared=shared)


def held(
    positive: Tensor,
    negative: Tensor | Callable[[], Tensor],
    batch: Batch,
    *,
    users: Tensor = None,
    items: Tensor = None,
    shared: Tensor = None,
) -> Pairs:
    """Return the scores of a batch as a loss wants them."""
    others, device = batch.others, positive.device
    return Pairs(
        positive,
        negative,
        torch.from_numpy(batch.log_q).to(device),
        torch.from_numpy(others.log_q).to(device),
        users=users,
        items=items,
        shared=shared,
        barred=None if others.barred is None else torch.from_numpy(others.barred).to(device),
        keep=others.keep,
        left_out=batch.left_out,
    )


def _codes(codes: Codes, beside: Tensor) -> Tensor:
    return torch.from_numpy(codes).to(beside.device)

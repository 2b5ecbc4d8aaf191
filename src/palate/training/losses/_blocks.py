"""The softmax of a batch against shared candidates, block by block, so that no b x m table is ever written to memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from palate.nn._torch import Tensor, torch
from palate.nn.precision import exact

_BLOCK = 1 << 19
"""Logits worked on at a time: they stay in the cache."""


def shared_softmax(positive: Tensor, users: Tensor, items: Tensor, offset: Tensor, barred: Tensor) -> Tensor:
    """Return the mean of -ln(e^p / (e^p + sum over j of e^(u . i_j - offset_j))); candidates barred for a row left out.

    The gradients are made beside the loss, while a block of logits is at hand.

    Shapes:
        positive: float32[b]; users: float32[b, d]; items: float32[m, d]; offset: float32[m]; barred: int64[2, x], its rows
        in order -> float32[].
    """
    with exact(users):
        return _softmax().apply(positive.float(), users.float(), items.float(), offset, barred)


def softmax_of_each(positive: Tensor, users: Tensor, items: Tensor, offset: Tensor, barred: Tensor) -> Tensor:
    """Return the terms whose mean `shared_softmax` is, without gradients.

    Shapes:
        as there -> float32[b].
    """
    with torch.no_grad(), exact(users):
        positive, users, items = positive.float(), users.float(), items.float()
        lost = torch.empty_like(positive)
        for rows, logits in _logits(users, items, offset, barred):
            good = positive[rows]
            lost[rows] = torch.logaddexp(logits.logsumexp(1), good) - good
        return lost


def _logits(users: Tensor, items: Tensor, offset: Tensor, barred: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield u . i_j - offset_j, -inf where barred, some rows at a time."""
    size = len(users)
    step = max(1, _BLOCK // max(1, len(items)))
    starts = torch.arange(0, size + step, step, device=barred.device)
    ends = torch.searchsorted(barred[0].contiguous(), starts).tolist()
    for number, start in enumerate(range(0, size, step)):
        rows = slice(start, start + step)
        logits = torch.addmm(-offset, users[rows], items.T)
        out = barred[:, ends[number] : ends[number + 1]]
        logits[out[0] - start, out[1]] = -torch.inf
        yield rows, logits


@cache
def _softmax() -> Any:
    """Return the loss as torch wants it: a class of its own, which must wait for torch."""

    class Softmax(torch.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(
            context: Any, positive: Tensor, users: Tensor, items: Tensor, offset: Tensor, barred: Tensor
        ) -> Tensor:
            size = len(users)
            d_users, d_items, d_positive = torch.empty_like(users), torch.zeros_like(items), torch.empty_like(positive)
            lost = positive.new_zeros((), dtype=torch.float64)
            for rows, logits in _logits(users, items, offset, barred):
                good = positive[rows]
                top = torch.maximum(logits.amax(1), good)
                shares = logits.sub_(top[:, None]).exp_()
                mine = (good - top).exp()
                total = shares.sum(1) + mine
                lost += (total.log() + top - good).sum()
                shares.div_(total[:, None] * size)
                d_positive[rows] = (mine / total - 1) / size
                torch.mm(shares, items, out=d_users[rows])
                d_items.addmm_(shares.T, users[rows])
            context.save_for_backward(d_positive, d_users, d_items)
            return (lost / size).to(positive.dtype)

        @staticmethod
        def backward(context: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
            d_positive, d_users, d_items = context.saved_tensors
            return grad * d_positive, grad * d_users, grad * d_items, None, None

    return Softmax

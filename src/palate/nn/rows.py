"""Rows of a table by their numbers, so that a seed gives the same gradients on several cores."""

from __future__ import annotations

from palate.nn._torch import Tensor


def rows(table: Tensor, codes: Tensor) -> Tensor:
    """Return rows of a table, where gradients of a row that is asked for several times are added in order.

    Backward of `table[codes]` torch lets its cores add as they come, and the sum is another one each time.

    Shapes:
        table: float32[n, ...]; codes: int64[...] -> float32[codes..., ...].
    """
    return table.index_select(0, codes.reshape(-1)).view(*codes.shape, *table.shape[1:])

"""The k-core: users and items that have enough of one another."""

from __future__ import annotations

import numpy as np

from palate.core.types import Codes, Mask


def k_core(user: Codes, item: Codes, users: int = 1, items: int = 1) -> tuple[Mask, int]:
    """Keep interactions whose user has at least `users` and whose item at least `items`, again until nothing changes.

    Args:
        user: int32[n], codes.
        item: int32[n], codes.
        users: least number of interactions of a user.
        items: least number of interactions of an item.

    Returns:
        bool[n], which to keep, and the number of rounds. The result does not depend on any order.

    Example:
        >>> k_core(np.array([0, 0, 1, 1, 2], np.int32), np.array([0, 1, 0, 1, 0], np.int32), 2, 2)[0].tolist()
        [True, True, True, True, False]
    """
    keep = np.ones(len(user), dtype=bool)
    if not len(user):
        return keep, 0
    rounds = 0
    while True:
        rounds += 1
        of_user = np.bincount(user[keep], minlength=int(user.max()) + 1)
        of_item = np.bincount(item[keep], minlength=int(item.max()) + 1)
        still = keep & (of_user[user] >= users) & (of_item[item] >= items)
        if still.sum() == keep.sum():
            return keep, rounds
        keep = still

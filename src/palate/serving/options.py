"""How somebody wants to be recommended to."""

from __future__ import annotations

import math
from dataclasses import dataclass

from palate.core.errors import DataError


@dataclass(frozen=True)
class Options:
    """What may be asked of a list; two that are equal ask for the same."""

    k: int = 10
    """How many items."""
    where: str | None = None
    """A filter, as in `price < 20`; what does not pass is left out before the k best are chosen."""
    exclude: tuple[str, ...] = ()
    """Ids of items that may not come; those that the catalogue lacks exclude nothing."""
    history: tuple[str, ...] = ()
    """Ids of items that were just liked: they count for this list on top of what is known, and are not kept."""
    diversity: float = 0.0
    """How much the items of the list should differ, from 0 (off) to 1."""
    weights: tuple[tuple[str, float], ...] = ()
    """How many times as much each part counts as it does in the model; 0 leaves it out. Parts that are not named stay."""
    reasons: bool = True
    """Whether to say why."""

    def check(self, max_k: int) -> None:
        """Make sure that numbers are in range.

        Raises:
            DataError: one is not.
        """
        if not 1 <= self.k <= max_k:
            raise DataError(f"k was {self.k}: ask for 1 to {max_k} items")
        if not 0 <= self.diversity <= 1:
            raise DataError(f"diversity was {self.diversity:g}: give a number from 0 (off) to 1")
        for part, weight in self.weights:
            if not (math.isfinite(weight) and 0 <= weight <= 1000):
                raise DataError(f"the weight of '{part}' was {weight:g}: give a number from 0 to 1000")


def read_weight(text: str) -> tuple[str, float]:
    """Return a part and its weight.

    Raises:
        DataError: the text is no such pair.

    Example:
        >>> read_weight("poster:2")
        ('poster', 2.0)
    """
    part, colon, number = text.rpartition(":")
    try:
        if not (part and colon):
            raise ValueError
        return part, float(number)
    except ValueError:
        raise DataError(f"weight was '{text[:40]}': give a part and a number, as in poster:2") from None

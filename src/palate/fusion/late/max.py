"""The best that any member says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from palate.core.config import Config
from palate.core.types import Floats
from palate.fusion.late._base import LateFusion, Term
from palate.fusion.late._standard import standard


class MaxConfig(Config):
    """Max has no settings."""


class Max(LateFusion[MaxConfig]):
    """Give an item the best of its members' scores, each brought to mean 0 and deviation 1 per query (CombMAX).

    result = max over the members that can score the item of z_m, z_m as in `weighted-scores` (Fox and Shaw 1994, where
    scores are made comparable otherwise). One member that is sure is enough; of an item that two recommend it is not said
    that they agree. All of the amount is that of the member who says most; of equal ones, the first by name.

    Missing data:
        An item that some members cannot score is judged by the others alone; NaN where none can.

    Example:
        >>> scores = {"a": np.array([[0, 2, np.nan]], np.float32), "b": np.array([[5, 1, 3]], np.float32)}
        >>> Max().combine(scores).round(2).tolist()
        [[1.2200000286102295, 1.0, 0.0]]
    """

    name = "max"
    config_type = MaxConfig
    paper: ClassVar[str] = "Fox and Shaw 1994"
    cost: ClassVar[str] = "nothing"

    def terms(self, scores: Mapping[str, Floats]) -> dict[str, Term]:
        """Return the standardising term where a member says most, and 0 elsewhere."""
        names = sorted(scores)
        made = {name: standard(scores[name], ~np.isnan(scores[name])) for name in names}
        best = np.full(scores[names[0]].shape, -np.inf, dtype=np.float32)
        winner = np.full(best.shape, -1)
        for place, name in enumerate(names):
            amount = made[name].slope * scores[name] + made[name].offset
            more = amount > best  # False where it cannot score
            best[more] = amount[more]
            winner[more] = place
        return {
            name: Term(*(np.where(winner == place, values, np.float32(0)) for values in (own.slope, own.offset)))
            for place, (name, own) in enumerate(made.items())
        }

"""Mean 0 and deviation 1 in each dimension."""

from __future__ import annotations

from typing import ClassVar

from palate.standardise._base import NoSettings, Standardiser


class ZScore(Standardiser[NoSettings]):
    """Bring each dimension to mean 0 and deviation 1: what models, aligners and fusions do by themselves where nothing is named.

    z = (x - mean) / deviation, the deviation by n. A dimension that never varies becomes 0.

    Missing data:
        Absent rows stay absent. With fewer than two rows to learn from, a part is left as it is.
    """

    name = "z-score"
    paper: ClassVar[str] = "Milligan and Cooper 1988"
    cost: ClassVar[str] = "n w"

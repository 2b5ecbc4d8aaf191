"""The sum of the parts in one space, each as long as it stands out."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from palate.core.types import Codes
from palate.fusion._base import Units
from palate.fusion.mean import Mean, MeanConfig
from palate.interfaces import Parts


class SumConfig(MeanConfig):
    """The width that parts of unequal width are brought to."""


class Sum(Mean):
    """Add up the parts that a thing has, each standardised but left as long as it is, over the root of its width.

    A part's row is z_p / sqrt(d_p), of which the squared length is 1 on average: the usual thing speaks by all its parts
    alike, and one whose picture is unlike all others speaks by its picture. In `mean` every row has length one, so that a
    part which hardly differs from the mean of all counts as much as one that stands out. Vector addition as in Mitchell
    and Lapata 2010, where too the longer vector counts more; parts of unequal width are projected as in `mean`, and
    amounts are divided as there. Rows that come at length one, as groups of `hybrid` do, stay so, whatever their width.

    Missing data:
        The sum is over the parts that are there.
    """

    name = "sum"
    config_type = SumConfig
    paper: ClassVar[str] = "Mitchell and Lapata 2010"

    def _units(self, parts: Parts, rows: Codes) -> Units:
        found = {}
        for name, table in parts.items():
            root = np.float32(np.sqrt(table.dim) if self.standardises else 1)
            present, standard = table.present[rows], self.standards[name]
            found[name] = np.zeros((len(rows), table.dim), dtype=np.float32)
            there = (table.values[rows[present]] - standard.mean) / standard.scale
            found[name][present] = there / root
        return found

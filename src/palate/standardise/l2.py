"""Rows of length one, and nothing else."""

from __future__ import annotations

from typing import ClassVar

from palate.core.types import Floats
from palate.linalg.neighbours import unit_rows
from palate.linalg.standard import Standard
from palate.standardise._base import NoSettings, Standardiser


class L2(Standardiser[NoSettings]):
    """Bring each row to length one and leave its dimensions as they are: the cosine is that of the vectors as an encoder made them.

    z = x / |x|. For vectors that were trained to be compared by their cosine; what they all have in common stays in. Nothing is learned.

    Missing data:
        Absent rows stay absent; a row of zeros stays one.
    """

    name = "l2"
    paper: ClassVar[str] = "Salton, Wong and Yang 1975"
    cost: ClassVar[str] = "nothing"

    def _measured(self, values: Floats) -> Standard:
        return Standard.none(values.shape[1])

    def _map(self, name: str, rows: Floats) -> Floats:
        return unit_rows(rows)
